#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "platform/cgroup.h"

namespace tercel::engine {

// Follows the CPU quota of this process's control groups while sessions are open: a container may be resized at any time, and
// two threads use a quota of one CPU up in half of its period, whereupon the whole process is stopped for the rest, which may
// be 50 ms. A thread named tercel-quota looks every second; who runs only loads what it found.
class QuotaWatch {
 public:
  // Where it looks, and how often.
  struct Source {
    std::string proc_cgroup = "/proc/self/cgroup", root = "/sys/fs/cgroup";
    std::chrono::milliseconds period{1000};
  };

  // The one of this process: made for the first who asks, gone with the last who lets go of it. From any thread.
  static std::shared_ptr<const QuotaWatch> of_process();

  // What of_process() makes it with. For tests, while there is none.
  static Source& process_source();

  // Looks for the first time. Where no thread can be started, that is what it goes on telling.
  explicit QuotaWatch(const Source& source);
  ~QuotaWatch();
  QuotaWatch(const QuotaWatch&) = delete;
  QuotaWatch& operator=(const QuotaWatch&) = delete;

  // Threads that the quota keeps running; more than any machine has where there is none. A load, from any thread.
  int threads() const { return threads_.load(std::memory_order_relaxed); }

  // Periods in which a group was stopped, its quota used up: as of the last look.
  uint64_t throttled() const { return throttled_.load(std::memory_order_relaxed); }

 private:
  void look();
  void watch();

  alignas(64) std::atomic<int> threads_{1};
  std::atomic<uint64_t> throttled_{0};

  alignas(64) std::atomic<uint32_t> stopping_{0};  // futex word
  std::atomic<uint32_t> started_{0};               // another
  std::chrono::milliseconds period_;
  platform::CpuGroups groups_;
  std::jthread thread_;
};

}  // namespace tercel::engine
