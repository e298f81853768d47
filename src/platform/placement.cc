#include "platform/placement.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

namespace tercel::platform {
namespace {

// struct sched_attr of sched_setattr(2), which the C library does not declare.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // of SCHED_OTHER since Linux 6.12: the length of a turn
  uint64_t deadline = 0;
  uint64_t period = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

cpu_set_t set_of(std::span<const int> cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus)
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<size_t>(cpu), &set);
  return set;
}

constexpr uint64_t kShortestSliceNs = 100'000;  // the kernel's least

}  // namespace

Result<std::vector<int>> parse_cpu_list(std::string_view text) {
  cpu_set_t allowed;
  const bool knows = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  const auto refused = [&] { return invalid("'" + std::string(text) + "' is no list of CPUs such as 0-3,5"); };
  std::vector<int> cpus;
  const char *at = text.data(), *const end = text.data() + text.size();
  const auto number = [&](int& value) {
    const auto [next, failure] = std::from_chars(at, end, value);
    at = next;
    return failure == std::errc() && value >= 0 && value < CPU_SETSIZE;
  };
  do {
    int first = 0, last = 0;
    if (!number(first)) return refused();
    last = first;
    if (at < end && *at == '-' && !(++at, number(last) && last >= first)) return refused();
    for (int cpu = first; cpu <= last; ++cpu) {
      if (knows && !CPU_ISSET(static_cast<size_t>(cpu), &allowed))
        return invalid("this process may not run on CPU " + std::to_string(cpu) + " of '" + std::string(text) + "'");
      cpus.push_back(cpu);
    }
  } while (at < end && *at++ == ',');
  if (at != end) return refused();
  std::ranges::sort(cpus);
  cpus.erase(std::ranges::unique(cpus).begin(), cpus.end());
  return cpus;
}

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(static_cast<size_t>(cpu), &allowed)) cpus.push_back(cpu);
  return cpus;
}

bool keep_on(std::thread& thread, std::span<const int> cpus) {
  const cpu_set_t set = set_of(cpus);
  return pthread_setaffinity_np(thread.native_handle(), sizeof set, &set) == 0;
}

void run_on(const std::vector<int>& cpus) {
  if (cpus.empty()) return;
  const cpu_set_t set = set_of(cpus);
  (void)sched_setaffinity(0, sizeof set, &set);
}

void ask_for_short_slices() {
  const SchedulingAttributes attributes{.runtime = kShortestSliceNs};
  (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace tercel::platform
