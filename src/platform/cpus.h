#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tercel::platform {

// Threads that this process can keep running at once: the CPUs of its affinity mask, cut to the CPU quota of its control
// groups (v1 and v2, rounded up). At least 1. Reads /proc and /sys: call it when opening, not per request.
int usable_cpus();

// Implementation details; readers may stop here.

// CPUs that a quota allows: from cgroup v2's cpu.max ("150000 100000" or "max 100000"), or from v1's pair of files.
std::optional<double> quota_of_cpu_max(std::string_view text);
std::optional<double> quota_of_cfs(std::string_view quota_us, std::string_view period_us);

// The smallest quota on the way from this process's group to the root. `proc_cgroup` is the text of /proc/self/cgroup and
// `root` where the control groups are mounted (/sys/fs/cgroup).
std::optional<double> cgroup_cpus(std::string_view proc_cgroup, const std::string& root);

}  // namespace tercel::platform
