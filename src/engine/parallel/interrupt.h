#pragma once

#include <sys/types.h>

#include <csetjmp>

// Takes a computation away from a thread that the system does not run: it is made to jump out of what it was doing before it
// executes another instruction of it. Signals alone do not promise that, since a thread may be running when it is asked;
// membarrier(2) does: when it returns, every thread of the process that was running has passed through the kernel, which
// delivers pending signals on the way out, and every other thread will when it runs again.
namespace tercel::engine {

// Whether this process can do that. The first call looks for an unused real-time signal, takes it over for good, and
// registers with membarrier; false where either is refused (seccomp), or under ThreadSanitizer, which delays signals.
bool can_interrupt();

// Makes the calling thread interruptible: from then on an interrupt resumes it at `resume`, which it has set with _setjmp and
// whose frame lives as long as the thread. What it abandons must hold no lock and own no memory. The floating-point control
// register is the default one after the jump. Only where can_interrupt().
void allow_interrupts(std::jmp_buf& resume);

// Interrupts threads of this process (getpid(), which the caller keeps: it is a system call): ask each, then wait once. After
// wait_for_interrupts() none of them executes what it did when it was asked. Takes some microseconds: a system call each.
void ask_interrupt(pid_t process, pid_t thread);
void wait_for_interrupts();

}  // namespace tercel::engine
