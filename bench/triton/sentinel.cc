#include <sched.h>
#include <signal.h>
#include <time.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

// Watches one CPU for gaps: times when even a real-time thread, which asks for the CPU every 0.2 ms and uses next to none of it,
// did not get it. Whatever missed a deadline then was not scheduled late by a server; the machine was away. Prints one JSON
// object at SIGTERM or SIGINT, with the gaps in Unix nanoseconds. Says so when real-time priority was refused.
namespace {

constexpr int64_t kTickNs = 200'000, kGapNs = 500'000;
constexpr int kGapsMax = 100'000;

struct Gap {
  int64_t from_ns, to_ns;
};
Gap gaps[kGapsMax];
volatile sig_atomic_t ended = 0;

int64_t now_ns(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

bool settle(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) {
    std::fprintf(stderr, "sentinel: CPU %d: %s\n", cpu, std::strerror(errno));
    std::exit(1);
  }
  const sched_param priority{.sched_priority = 1};
  return sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
}

int watch() {
  int count = 0;
  int64_t due = now_ns(CLOCK_MONOTONIC);
  while (!ended && count < kGapsMax) {
    due += kTickNs;
    const timespec until{due / 1'000'000'000, due % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    const int64_t now = now_ns(CLOCK_MONOTONIC);
    if (now - due < kGapNs) continue;
    const int64_t to_ns = now_ns(CLOCK_REALTIME);
    gaps[count++] = {to_ns - (now - due), to_ns};
    due = now;
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: sentinel CPU\n");
    return 2;
  }
  for (const int number : {SIGTERM, SIGINT}) signal(number, [](int) { ended = 1; });
  const bool is_real_time = settle(std::atoi(argv[1]));
  const int count = watch();
  std::printf("{\"real_time\":%s,\"gaps\":[", is_real_time ? "true" : "false");
  for (int i = 0; i < count; ++i)
    std::printf("%s[%lld,%lld]", i > 0 ? "," : "", static_cast<long long>(gaps[i].from_ns),
                static_cast<long long>(gaps[i].to_ns));
  std::printf("]}\n");
  return 0;
}
