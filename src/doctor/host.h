#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tercel::doctor {

// What this machine says of itself where it concerns how late an answer can be. Nothing where it does not say.
struct HostFacts {
  std::string cpu, isa;
  int cpus = 0;                        // usable by this process
  std::optional<double> quota;         // CPUs, of the control group
  std::optional<uint64_t> throttled;   // periods in which the group was stopped for using its quota up
  std::vector<std::string> governors;  // each that some CPU has, once
  std::string clocksource;             // "tsc"
  std::string isolated_cpus;           // "2-3"; empty: none
  std::string transparent_huge_pages;  // "always", "madvise" or "never"
  std::optional<bool> numa_balancing;
  std::optional<uint64_t> swap_total, swapped;  // bytes: of the machine; of this process
  std::optional<double> load;                   // runnable threads over the last minute
  std::string kernel;                           // release and version line
  uint64_t lockable_bytes = 0;                  // RLIMIT_MEMLOCK; UINT64_MAX: no limit
  uint64_t real_time_priority = 0;              // RLIMIT_RTPRIO
  uint64_t open_files = 0;                      // RLIMIT_NOFILE
};

// `root` is put in front of /proc and /sys (tests give a folder of their own); limits are this process's.
HostFacts read_host(const std::string& root = "");

// Share of CPU time that the hypervisor gave to others, between two texts of /proc/stat; nothing without the field.
std::optional<double> steal_between(const std::string& before, const std::string& after);
std::string read_stat(const std::string& root = "");

}  // namespace tercel::doctor
