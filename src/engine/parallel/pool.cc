#include "engine/parallel/pool.h"

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <limits>
#include <span>
#include <string>
#include <system_error>

#include "engine/parallel/futex.h"
#include "engine/parallel/interrupt.h"
#include "platform/isa.h"

namespace tercel::engine {

namespace {

// Pauses before a waiting thread offers its CPU to others. A pause takes 40-140 cycles on current cores: this is some tens
// of microseconds, longer than the gap between the parallel steps of a model, shorter than a scheduler's time slice.
constexpr int kPausesBeforeYield = 2000;

// How long the caller waits for a helper's chunk: as long as its own chunks took, twice, and this many ticks of the time stamp
// counter (10 to 30 us) more. Taking back costs about 5 us and the chunk.
constexpr uint64_t kPatienceTicks = 50'000;
constexpr uint64_t kForever = std::numeric_limits<uint64_t>::max();

// How long helpers stay awake for a next request: 40 to 70 us.
constexpr uint64_t kLingerTicks = 150'000;

// Stack that kernels may use on a helper. Its pages are touched when the helper starts, not by the first chunk that it
// happens to be in time for, which may be any later request's.
constexpr size_t kStackTouched = 256 << 10;

// Returns where that part of the stack ends.
[[gnu::noinline]] const std::byte* touch_stack() {
  volatile std::byte stack[kStackTouched];
  for (size_t i = 0; i < kStackTouched; i += 4096) stack[i] = std::byte{0};
  uintptr_t end = reinterpret_cast<uintptr_t>(stack);
  asm volatile("" : "+r"(end));  // the array is gone when this returns, its pages are not
  return reinterpret_cast<const std::byte*>(end);
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

Pool::Pool() : completed_by_(new std::atomic<uint32_t>[kTrackedChunksMax]()) {}

Result<std::unique_ptr<Pool>> Pool::start(int threads, bool take_back, std::shared_ptr<const QuotaWatch> quota) {
  if (threads < 1 || threads > kThreadsMax)
    return invalid("a session runs on 1 to " + std::to_string(kThreadsMax) + " threads, not on " + std::to_string(threads));
  std::unique_ptr<Pool> pool(new Pool());
  pool->process_ = getpid();
  pool->quota_ = std::move(quota);
  if (sched_getaffinity(0, sizeof pool->allowed_, &pool->allowed_) != 0) CPU_ZERO(&pool->allowed_);  // over 1024 CPUs
  pool->can_take_back_ = take_back && threads > 1 && can_interrupt();
  for (int worker = 1; worker < threads; ++worker) pool->helpers_.push_back(std::make_unique<Helper>());
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // helpers inherit it: signals belong to the program's own threads
  std::string failure;
  int started = 0;
  try {
    for (int worker = 1; worker < threads; ++worker, ++started) {
      Helper& helper = *pool->helpers_[static_cast<size_t>(worker - 1)];
      helper.running = std::jthread([p = pool.get(), worker] { p->help(worker); });
      pthread_setname_np(helper.running.native_handle(), ("tercel-" + std::to_string(worker)).c_str());
    }
  } catch (const std::system_error& error) { failure = error.what(); }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // The first request should find them parked, not in the middle of starting.
  for (Spin spin; pool->sleeping_.load(std::memory_order_acquire) < started;) spin.wait();
  if (!failure.empty())
    return Error(ErrorCode::kExhausted, "cannot start " + std::to_string(threads - 1) + " threads: " + failure);
  return pool;
}

Pool::~Pool() {
  awake_.store(kStopping, std::memory_order_seq_cst);
  futex_wake(awake_);
}

Result<void> Pool::lock_memory() {
  if (helpers_.empty()) return {};
  const platform::PageLock::Bytes tracking = std::as_bytes(std::span(completed_by_.get(), kTrackedChunksMax));
  lock_ = TRY(platform::PageLock::take({&tracking, 1}));
  for (const auto& helper : helpers_) {
    pthread_attr_t attributes;
    void* lowest = nullptr;
    size_t bytes = 0;
    if (pthread_getattr_np(helper->running.native_handle(), &attributes) != 0)
      return Error(ErrorCode::kExhausted, "cannot find the stack of a thread to lock it in memory");
    pthread_attr_getstack(&attributes, &lowest, &bytes);
    pthread_attr_destroy(&attributes);
    const platform::PageLock::Bytes used(helper->stack_end, static_cast<const std::byte*>(lowest) + bytes);
    auto locked = platform::PageLock::take({&used, 1});
    if (!locked.ok()) return locked.error().within("the stack of a helper thread");
    helper->stack_lock = locked.take();
  }
  return {};
}

void Pool::wake_sleepers() {
  if (const int helpers = usable() - 1; helpers > 0) futex_wake(awake_, helpers);
}

void Pool::wake() {
  woken_ = true;
  awake_.store(kAwake, std::memory_order_seq_cst);
  // A helper counts itself before it sleeps, and the kernel looks at awake_ once more before it puts it to sleep: either
  // it is seen here, or it sees kAwake there.
  if (sleeping_.load(std::memory_order_seq_cst) > 0) wake_sleepers();
}

bool Pool::begin_request(bool early) {
  asked_ = false;
  uint32_t lingering = kLingering;
  woken_ = awake_.compare_exchange_strong(lingering, kAwake, std::memory_order_seq_cst);
  if (!woken_ && early && !helpers_.empty()) wake();
  return woken_;
}

bool Pool::end_request(bool linger) {
  // With fewer CPUs than threads they all sleep after each request: who lingers could not be told from who should not be awake.
  if (linger && !helpers_.empty() && usable() == count()) {
    awake_.store(kLingering, std::memory_order_seq_cst);
    if (!woken_ && sleeping_.load(std::memory_order_seq_cst) > 0) wake_sleepers();
  } else if (woken_) {
    awake_.store(kAsleep, std::memory_order_release);
  }
  return asked_;
}

void Pool::rest() {
  if (woken_) awake_.store(kAsleep, std::memory_order_release);
  woken_ = false;
}

// Claims chunks until none is left. Returns how many it ran.
int Pool::take_chunks(int worker) {
  int ran = 0;
  while (unclaimed_.load(std::memory_order_relaxed) > 0) {
    // Acquire: who holds a chunk sees the job it belongs to, whichever job that is by now. Release: who sees the claim
    // sees that this helper is inside. Counts below zero are left by those who came late; the next job overwrites them.
    const int32_t left = unclaimed_.fetch_sub(1, std::memory_order_acq_rel);
    if (left <= 0) break;
    const int chunk = chunks_ - left;
    (*task_)(chunk, worker);
    if (chunk < kTrackedChunksMax) completed_by_[static_cast<size_t>(chunk)].store(job_, std::memory_order_relaxed);
    ++ran;
    if (worker != 0) finished_.fetch_add(1, std::memory_order_release);
  }
  return ran;
}

void Pool::run_job(int chunks, Task task, bool repeatable) {
  if (chunks <= 1 || helpers_.empty()) {
    for (int chunk = 0; chunk < chunks; ++chunk) task(chunk, 0);
    return;
  }
  task_ = &task;
  chunks_ = chunks;
  ++job_;
  finished_.store(0, std::memory_order_relaxed);
  caller_cpu_.store(sched_getcpu(), std::memory_order_relaxed);
  unclaimed_.store(chunks, std::memory_order_release);
  asked_ = true;
  if (!woken_) wake();
  const uint64_t start = __rdtsc();
  const int ran = take_chunks(0);
  if (ran == chunks) return;
  const bool may_take_back = can_take_back_ && repeatable && chunks <= kTrackedChunksMax;
  const uint64_t per_chunk = (__rdtsc() - start) / static_cast<uint64_t>(ran + 1);
  if (!wait_for_helpers(chunks - ran, may_take_back ? 2 * per_chunk + kPatienceTicks : kForever)) take_back(chunks);
}

// False when `patience` ticks were not enough.
bool Pool::wait_for_helpers(int chunks, uint64_t patience) {
  const uint64_t start = __rdtsc();
  for (Spin spin; finished_.load(std::memory_order_acquire) != chunks;) {
    if (patience == kForever) spin.wait();
    else if (__rdtsc() - start > patience) return false;
    else _mm_pause();
  }
  return true;
}

// Stops every helper that may hold a chunk, and computes what they did not complete.
void Pool::take_back(int chunks) {
  for (const auto& helper : helpers_)
    if (helper->inside.load(std::memory_order_acquire)) ask_interrupt(process_, helper->thread.load(std::memory_order_relaxed));
  wait_for_interrupts();
  for (int chunk = 0; chunk < chunks; ++chunk) {
    if (completed_by_[static_cast<size_t>(chunk)].load(std::memory_order_acquire) == job_) continue;
    (*task_)(chunk, 0);
    ++taken_back_;
  }
}

void Pool::help(int worker) {
  Helper& self = *helpers_[static_cast<size_t>(worker - 1)];
  self.stack_end = touch_stack();
  self.thread.store(gettid(), std::memory_order_relaxed);
  std::jmp_buf resume;
  if (can_take_back_) {
    if (_setjmp(resume) == 0) allow_interrupts(resume);
  }
  platform::set_flush_denormals();  // also after an interrupt, which resets it
  self.inside.store(false, std::memory_order_release);
  while (true) {
    const uint32_t state = awake_.load(std::memory_order_seq_cst);
    if (state == kStopping) return;
    if (state == kAwake || state == kLingering) {
      help_while_awake(worker);
      continue;
    }
    sleeping_.fetch_add(1, std::memory_order_seq_cst);
    futex_wait(awake_, kAsleep);
    sleeping_.fetch_sub(1, std::memory_order_seq_cst);
  }
}

// Where somebody else is busy on every CPU, the system may put a helper beside the caller, and whatever the helper does there
// keeps the caller from making work. It asks for any other CPU then, and offers this one where there is none.
void Pool::leave(int cpu) const {
  cpu_set_t others = allowed_;
  CPU_CLR(static_cast<size_t>(cpu), &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) sched_yield();
}

void Pool::help_while_awake(int worker) {
  std::atomic<bool>& inside = helpers_[static_cast<size_t>(worker - 1)]->inside;
  uint64_t lingering_since = 0;
  for (Spin spin;;) {
    const uint32_t state = awake_.load(std::memory_order_acquire);
    if (state == kLingering) {
      if (lingering_since == 0) lingering_since = __rdtsc();
      uint32_t expected = kLingering;
      if (__rdtsc() - lingering_since > kLingerTicks) awake_.compare_exchange_strong(expected, kAsleep);
      _mm_pause();
      continue;
    }
    if (state != kAwake) return;
    if (lingering_since != 0) spin = Spin();
    lingering_since = 0;
    if (unclaimed_.load(std::memory_order_relaxed) <= 0) {
      const int cpu = caller_cpu_.load(std::memory_order_relaxed);
      if (sched_getcpu() == cpu) leave(cpu);
      else spin.wait();
      continue;
    }
    inside.store(true, std::memory_order_relaxed);
    if (take_chunks(worker) > 0) spin = Spin();
    inside.store(false, std::memory_order_release);
  }
}

}  // namespace tercel::engine
