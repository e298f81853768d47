#include "engine/parallel/quota_watch.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <mutex>
#include <system_error>

#include "engine/parallel/futex.h"
#include "platform/cpus.h"

namespace tercel::engine {

std::shared_ptr<const QuotaWatch> QuotaWatch::of_process() {
  // Sessions open on several threads of a server.
  static std::mutex mutex;
  static std::weak_ptr<const QuotaWatch> alive;
  const std::lock_guard lock(mutex);
  auto watch = alive.lock();
  if (!watch) alive = watch = std::make_shared<const QuotaWatch>(process_source());
  return watch;
}

QuotaWatch::Source& QuotaWatch::process_source() {
  static Source source;
  return source;
}

QuotaWatch::QuotaWatch(const Source& source) : period_(source.period), groups_(source.proc_cgroup, source.root) {
  look();
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // the thread inherits it: signals belong to the program's own threads
  try {
    thread_ = std::jthread([this] { watch(); });
    pthread_setname_np(thread_.native_handle(), "tercel-quota");
  } catch (const std::system_error&) { started_.store(1); }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // A thread that is still starting would make system calls in the middle of the first run. Asleep: whoever waits awake on a
  // real-time thread may keep it from starting at all.
  while (started_.load() == 0) futex_wait(started_, 0);
}

QuotaWatch::~QuotaWatch() {
  stopping_.store(1);
  futex_wake(stopping_);
}

void QuotaWatch::look() {
  const platform::CpuGroupState state = groups_.read();
  threads_.store(platform::threads_within(state.cpus), std::memory_order_relaxed);
  throttled_.store(state.throttled.value_or(0), std::memory_order_relaxed);
}

void QuotaWatch::watch() {
  // It inherits the policy of whoever opened the session: a look every second is nothing to stop others for.
  const sched_param none{};
  sched_setscheduler(0, SCHED_OTHER, &none);
  started_.store(1);
  futex_wake(started_);
  while (true) {
    futex_wait_for(stopping_, 0, period_);
    if (stopping_.load() != 0) return;
    look();
  }
}

}  // namespace tercel::engine
