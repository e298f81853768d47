#pragma once

#include <optional>

namespace tercel::platform {

// Threads that this process can keep running at once: the CPUs of its affinity mask, cut to the CPU quota of its control
// groups (cgroup.h). At least 1. Reads /proc and /sys: call it when opening, not per request.
int usable_cpus();

// Threads that a quota of so many CPUs keeps running: rounded up, at least 1; without a quota, more than any machine has.
int threads_within(const std::optional<double>& quota_cpus);

}  // namespace tercel::platform
