#include "engine/parallel/pool.h"

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <string>
#include <system_error>

#include "engine/parallel/futex.h"
#include "platform/isa.h"

namespace tercel::engine {

namespace {

// Pauses before a waiting thread offers its CPU to others. A pause takes 40-140 cycles on current cores: this is some tens
// of microseconds, longer than the gap between the parallel steps of a model, shorter than a scheduler's time slice.
constexpr int kPausesBeforeYield = 2000;

// Stack that kernels may use on a helper. Its pages are touched when the helper starts, not by the first chunk that it
// happens to be in time for, which may be any later request's.
constexpr size_t kStackTouched = 256 << 10;

[[gnu::noinline]] void touch_stack() {
  [[maybe_unused]] volatile char stack[kStackTouched];
  for (size_t i = 0; i < kStackTouched; i += 4096) stack[i] = 0;
}

// Waits for something that another thread is about to do.
class Spin {
 public:
  void wait() {
    if (++pauses_ < kPausesBeforeYield) _mm_pause();
    else sched_yield();
  }

 private:
  int pauses_ = 0;
};

}  // namespace

Result<std::unique_ptr<Pool>> Pool::start(int threads) {
  if (threads < 1 || threads > kThreadsMax)
    return invalid("a session runs on 1 to " + std::to_string(kThreadsMax) + " threads, not on " + std::to_string(threads));
  std::unique_ptr<Pool> pool(new Pool());
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // helpers inherit it: signals belong to the program's own threads
  std::string failure;
  try {
    for (int worker = 1; worker < threads; ++worker) {
      pool->helpers_.emplace_back([p = pool.get(), worker] { p->help(worker); });
      pthread_setname_np(pool->helpers_.back().native_handle(), ("tercel-" + std::to_string(worker)).c_str());
    }
  } catch (const std::system_error& error) { failure = error.what(); }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // The first request should find them parked, not in the middle of starting.
  for (Spin spin; pool->sleeping_.load(std::memory_order_acquire) < static_cast<int>(pool->helpers_.size());) spin.wait();
  if (!failure.empty())
    return Error(ErrorCode::kExhausted, "cannot start " + std::to_string(threads - 1) + " threads: " + failure);
  return pool;
}

Pool::~Pool() {
  awake_.store(kStopping, std::memory_order_seq_cst);
  futex_wake_all(awake_);
}

void Pool::wake() {
  woken_ = true;
  awake_.store(kAwake, std::memory_order_seq_cst);
  // A helper counts itself before it sleeps, and the kernel looks at awake_ once more before it puts it to sleep: either
  // it is seen here, or it sees kAwake there.
  if (sleeping_.load(std::memory_order_seq_cst) > 0) futex_wake_all(awake_);
}

void Pool::begin_request(bool early) {
  woken_ = false;
  if (early && !helpers_.empty()) wake();
}

bool Pool::end_request() {
  if (woken_) awake_.store(kAsleep, std::memory_order_release);
  return woken_;
}

// Claims chunks until none is left. Returns how many it ran.
int Pool::take_chunks(int worker) {
  int ran = 0;
  while (unclaimed_.load(std::memory_order_relaxed) > 0) {
    // Acquire: who holds a chunk sees the job it belongs to, whichever job that is by now. Counts below zero are left by
    // those who came late; the next job overwrites them.
    const int32_t left = unclaimed_.fetch_sub(1, std::memory_order_acquire);
    if (left <= 0) break;
    (*task_)(chunks_ - left, worker);
    ++ran;
    if (worker != 0) finished_.fetch_add(1, std::memory_order_release);
  }
  return ran;
}

void Pool::run(int chunks, Task task) {
  if (chunks <= 1 || helpers_.empty()) {
    for (int chunk = 0; chunk < chunks; ++chunk) task(chunk, 0);
    return;
  }
  task_ = &task;
  chunks_ = chunks;
  finished_.store(0, std::memory_order_relaxed);
  unclaimed_.store(chunks, std::memory_order_release);
  if (!woken_) wake();
  const int others = chunks - take_chunks(0);
  for (Spin spin; finished_.load(std::memory_order_acquire) != others;) spin.wait();
}

void Pool::help(int worker) {
  touch_stack();
  platform::set_flush_denormals();
  while (true) {
    uint32_t state = awake_.load(std::memory_order_seq_cst);
    if (state == kAsleep) {
      sleeping_.fetch_add(1, std::memory_order_seq_cst);
      futex_wait(awake_, kAsleep);
      sleeping_.fetch_sub(1, std::memory_order_seq_cst);
      continue;
    }
    if (state == kStopping) return;
    for (Spin spin; awake_.load(std::memory_order_acquire) == kAwake;) {
      if (take_chunks(worker) > 0) spin = Spin();
      else spin.wait();
    }
  }
}

}  // namespace tercel::engine
