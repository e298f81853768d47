#include "engine/syscall_guard.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

namespace tercel::engine {

namespace {

// In the sixth argument of a futex call, which a wake ignores: "counted already, let it through".
constexpr uint32_t kCounted = 0x7e5ce1;

std::atomic<long>* wakes = nullptr;  // in memory shared with the parent

// A futex wake was trapped: count it and do it.
void on_trap(int, siginfo_t* info, void* context) {
  if (info->si_syscall != SYS_futex) _exit(99);
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  wakes->fetch_add(1);
  long result;
  register long r10 asm("r10") = registers[REG_R10];
  register long r8 asm("r8") = registers[REG_R8];
  register long r9 asm("r9") = kCounted;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(SYS_futex), "D"(registers[REG_RDI]), "S"(registers[REG_RSI]), "d"(registers[REG_RDX]), "r"(r10), "r"(r8),
                 "r"(r9)
               : "rcx", "r11", "memory");
  registers[REG_RAX] = result;
}

bool forbid_syscalls() {
  struct sigaction action {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return false;
  const auto number = offsetof(seccomp_data, nr), operation = offsetof(seccomp_data, args[1]),
             mark = offsetof(seccomp_data, args[5]);
  const auto op = [](unsigned code) { return static_cast<unsigned short>(code); };
  const sock_filter filter[] = {
      BPF_STMT(op(BPF_LD | BPF_W | BPF_ABS), number),
      BPF_JUMP(op(BPF_JMP | BPF_JEQ | BPF_K), SYS_sched_yield, 11, 0),
      BPF_JUMP(op(BPF_JMP | BPF_JEQ | BPF_K), SYS_sched_setaffinity, 10, 0),
      BPF_JUMP(op(BPF_JMP | BPF_JEQ | BPF_K), SYS_tgkill, 9, 0),
      BPF_JUMP(op(BPF_JMP | BPF_JEQ | BPF_K), SYS_membarrier, 8, 0),
      BPF_JUMP(op(BPF_JMP | BPF_JEQ | BPF_K), SYS_exit_group, 7, 0),
      BPF_JUMP(op(BPF_JMP | BPF_JEQ | BPF_K), SYS_rt_sigreturn, 6, 0),
      BPF_JUMP(op(BPF_JMP | BPF_JEQ | BPF_K), SYS_futex, 0, 4),
      BPF_STMT(op(BPF_LD | BPF_W | BPF_ABS), mark),
      BPF_JUMP(op(BPF_JMP | BPF_JEQ | BPF_K), kCounted, 3, 0),
      BPF_STMT(op(BPF_LD | BPF_W | BPF_ABS), operation),
      BPF_JUMP(op(BPF_JMP | BPF_JEQ | BPF_K), FUTEX_WAIT_PRIVATE, 1, 2),
      BPF_STMT(op(BPF_RET | BPF_K), SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(op(BPF_RET | BPF_K), SECCOMP_RET_ALLOW),
      BPF_STMT(op(BPF_RET | BPF_K), SECCOMP_RET_TRAP),
  };
  const sock_fprog program{sizeof filter / sizeof *filter, const_cast<sock_filter*>(filter)};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

}  // namespace

GuardedRun run_without_syscalls(FunctionRef<void()> prepare, FunctionRef<void()> body) {
  void* shared = mmap(nullptr, sizeof(std::atomic<long>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  wakes = new (shared) std::atomic<long>(0);
  const pid_t child = fork();
  if (child == 0) {
    prepare();
    if (!forbid_syscalls()) _exit(98);
    body();
    syscall(SYS_exit_group, 0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  GuardedRun run{WIFEXITED(status) && WEXITSTATUS(status) == 0, wakes->load()};
  munmap(shared, sizeof(std::atomic<long>));
  return run;
}

}  // namespace tercel::engine
