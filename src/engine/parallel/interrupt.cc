#include "engine/parallel/interrupt.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tercel::engine {

namespace {

thread_local std::jmp_buf* resume_at = nullptr;

void on_interrupt(int) {
  if (resume_at) _longjmp(*resume_at, 1);
}

// A real-time signal that nobody handles, now ours; 0 when there is none.
int take_signal() {
  for (int signal = SIGRTMAX - 1; signal > SIGRTMIN; --signal) {
    struct sigaction before {};
    if (sigaction(signal, nullptr, &before) != 0 || (before.sa_flags & SA_SIGINFO) || before.sa_handler != SIG_DFL) continue;
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    action.sa_flags = SA_NODEFER | SA_RESTART;  // the handler does not return, so nothing would unblock the signal again
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, nullptr) == 0) return signal;
  }
  return 0;
}

bool register_barrier() { return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0; }

int interrupt_signal() {
#ifdef __SANITIZE_THREAD__
  return 0;
#else
  static const int signal = register_barrier() ? take_signal() : 0;
  return signal;
#endif
}

}  // namespace

bool can_interrupt() { return interrupt_signal() != 0; }

void allow_interrupts(std::jmp_buf& resume) {
  resume_at = &resume;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, interrupt_signal());
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void ask_interrupt(pid_t process, pid_t thread) { syscall(SYS_tgkill, process, thread, interrupt_signal()); }

void wait_for_interrupts() { syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); }

}  // namespace tercel::engine
