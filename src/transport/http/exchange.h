#pragma once

#include <memory>
#include <span>

#include "observe/trace/tracer.h"
#include "serve/server.h"
#include "transport/http/counters.h"
#include "transport/http/head.h"
#include "transport/http/infer_answer.h"
#include "transport/http/infer_body.h"
#include "transport/http/options.h"
#include "transport/http/reply.h"
#include "transport/http/route.h"

namespace tercel::transport::http {

// What the connections of one I/O thread share.
struct Shared {
  serve::Server& server;
  const HttpOptions& options;
  const Limits& limits;
  Counters& counters;
  request::Budget& memory;
  InferBodyParser& parser;
};

// One request and its answer, without the socket: from a parsed head to a reply that is ready to be sent. Belongs to one
// connection, on its thread, and is reused from request to request; once warm, an inference with binary tensors allocates
// nothing here.
class Exchange {
 public:
  // `done(owner)` is called on another thread when a pending inference is computed.
  Exchange(Shared& shared, void (*done)(void* owner), void* owner);

  enum class BodyWanted : uint8_t { kYes, kDiscard };
  enum class Progress : uint8_t { kReady, kPending };

  // The first byte of a request is here.
  void start(int64_t now_ns) { job_.clock.start(now_ns); }
  request::StageClock& clock() { return job_.clock; }

  // Takes the head of the next request; it must stay in place until the reply is sent. kDiscard: the reply is ready, the
  // body is of no use.
  BodyWanted begin(const Head& head);
  // Where the body goes, all of Content-Length. Only after kYes.
  std::span<std::byte> body() { return {body_.data() + body_offset_, head_.content_length}; }
  // How much of the body there is memory for now: more than `received` unless none is left, when the reply says so and closes
  // the connection.
  size_t body_room(size_t received);
  // The body is complete. kPending: finish() must be called on this thread after done().
  Progress respond();
  void finish();

  // The client of a pending inference is gone. True: the inference is over and done() will not be called.
  bool withdraw();

  // The connection ends before the answer is out, and the inference, if it is one, is not pending.
  void break_off();

  // A request that never became one, or broke off: the reply says so and closes the connection.
  void refuse(const Refusal& refusal);

  Reply& reply() { return reply_; }
  // The last byte of the reply is out.
  void sent();
  // Gives big buffers back; between requests.
  void release();

 private:
  void fail(int status, std::string_view message, std::string_view extra = {});
  void fail(const Error& error) { fail(status_of(error.code()), error.message()); }
  void refuse_body();
  void respond_document();
  Progress respond_infer();
  void answer_infer();
  // Settles deadline and class of the parsed request. An error when they make no sense, or when it is too late already.
  Result<void> settle_terms();
  // The request names a reservation: it must be one of the version that was asked for.
  Result<void> take_reservation(request::ReservationId id);
  // The version that computes: of the reservation that the head names, or as the path says.
  Result<void> find_version();
  std::optional<Slack> slack() const;
  void keep_flight();
  void tell_trace();
  void refuse_admission(const Error& error);
  Result<void> describe();

  Shared& shared_;
  serve::Job job_;
  Head head_;
  Route route_;
  std::shared_ptr<serve::Served> served_;            // of an inference, until its answer is sent
  std::shared_ptr<serve::Reservation> reservation_;  // that it names, likewise
  request::Buffer body_;
  size_t body_offset_ = 0;
  serve::Outcome outcome_ = serve::Outcome::kOk;
  observe::trace::Context trace_;  // of the request at hand
  InferAnswer answer_;
  Reply reply_;
  std::string extra_;   // header lines
  FixedText<192> why_;  // the request was not answered
  void (*const done_)(void*);
  void* const owner_;
};

}  // namespace tercel::transport::http
