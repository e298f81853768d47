#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "observe/counter.h"
#include "request/reservation_id.h"
#include "serve/catalogue.h"

namespace tercel::serve {

inline constexpr int64_t kLeaseSeconds = 60;         // of silence, after which a reservation is released, when nothing is said
inline constexpr int64_t kLeaseSecondsMax = 86'400;  // of silence that a client may ask for

// What a client asks to have reserved: the contract of a stream of requests. Microseconds.
struct ReservationWish {
  int64_t period_us = 0;    // or the least time between requests
  int64_t deadline_us = 0;  // after the first byte of a request
  int64_t jitter_us = 0;    // how much earlier than its period a request may come
  uint32_t rows = 1;        // of each request
  int64_t lease_s = kLeaseSeconds;
};

// Capacity that is kept for one stream of one version. Taken and given back with the object, which keeps its version: a request
// under way holds it, so that its place is not given to another stream meanwhile. Any thread, never one of the executor's.
class Reservation {
 public:
  ~Reservation() { served->release(stream_); }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  const request::ReservationId id;
  const std::shared_ptr<Served> served;
  const ReservationWish wish;
  const sched::ReservationTest test;
  const double margin;       // that was added to the worst case
  const int64_t transit_ns;  // of the deadline, kept for receiving the request and sending the answer

  // What was measured of one row on one thread.
  registry::MeasuredCost measured() const;
  request::ReservedTerms terms() const { return {stream_, wish.deadline_us}; }
  // Refused: more rows than were reserved.
  Result<void> accepts(const request::InferRequest& request) const;
  // A request that named it is over.
  void record(Outcome outcome, const request::Terms& terms);
  // The silence that is left of the lease.
  int64_t left_ns(int64_t now_ns) const;

  uint64_t served_in_time() const { return counts_[0].value(); }
  uint64_t policed() const { return counts_[1].value(); }  // excess, served or refused as class hard
  uint64_t missed() const { return counts_[2].value(); }   // inside the contract, and not answered in time

 private:
  friend class Reservations;
  Reservation(request::ReservationId name, std::shared_ptr<Served> version, const ReservationWish& asked,
              const sched::ReservationTest& tested, sched::StreamId stream, int64_t now_ns);

  const sched::StreamId stream_;
  std::atomic<int64_t> heard_ns_;  // when it was last named
  std::array<observe::Counter, 3> counts_;
};

// The reservations of a server by their ids. Any thread; the lock is held to look one up, never while one is tested. Times are on
// platform::now_ns().
class Reservations {
 public:
  // kExhausted: it does not fit, and `test` says by how much. kInvalid, kUnsupported: what is wrong with it, or with the model.
  Result<std::shared_ptr<Reservation>> reserve(std::shared_ptr<Served> served, const ReservationWish& wish, int64_t now_ns,
                                               sched::ReservationTest& test);
  // By a request or a renewal: the lease begins anew. kNotFound: released, run out, or never there.
  Result<std::shared_ptr<Reservation>> find(request::ReservationId id, int64_t now_ns);
  // Its capacity is free when the requests that name it are over.
  Result<std::shared_ptr<Reservation>> release(request::ReservationId id, int64_t now_ns);
  // In the order of their ids.
  std::vector<std::shared_ptr<Reservation>> list(int64_t now_ns);

  // Releases those of which nothing was heard for as long as their lease. Now and then.
  void expire(int64_t now_ns);
  // Releases those of versions that are not served any more.
  void keep_only(const Catalogue& catalogue);

 private:
  using ById = std::map<request::ReservationId, std::shared_ptr<Reservation>>;
  void release_if(auto&& ends);

  std::mutex mutex_;
  ById by_id_;
  std::atomic<size_t> count_{0};
};

}  // namespace tercel::serve
