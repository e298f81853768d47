#include "platform/cpus.h"

#include <sched.h>

#include <algorithm>
#include <climits>
#include <cmath>

#include "platform/cgroup.h"

namespace tercel::platform {

namespace {

int affinity_cpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  // More CPUs than a fixed set holds: the quota alone decides then.
  return CPU_SETSIZE;
}

}  // namespace

int threads_within(const std::optional<double>& quota_cpus) {
  if (!quota_cpus) return INT_MAX;
  return std::max(1, static_cast<int>(std::min(std::ceil(*quota_cpus), 1e6)));
}

int usable_cpus() { return std::min(affinity_cpus(), threads_within(CpuGroups().read().cpus)); }

}  // namespace tercel::platform
