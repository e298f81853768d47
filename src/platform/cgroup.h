#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tercel::platform {

// What the CPU controllers of this process's control groups (v1 and v2) say: of its own group and of all above it.
struct CpuGroupState {
  std::optional<double> cpus;         // the smallest quota, in CPUs; nothing: there is none
  std::optional<uint64_t> throttled;  // periods in which a group was stopped, its quota used up; nothing: they do not say
};

// Reads that as often as it is asked. Allocates only when the process was moved to another group meanwhile. One thread.
class CpuGroups {
 public:
  // `proc_cgroup` is the list of this process's groups, `root` where control groups are mounted; tests have their own.
  explicit CpuGroups(std::string proc_cgroup = "/proc/self/cgroup", std::string root = "/sys/fs/cgroup");
  CpuGroupState read();

 private:
  struct Group {
    std::string quota, period, stat;  // files; version 2 has no file for the period
  };

  std::string_view contents(const std::string& path);  // good until the next call; empty when it cannot be read
  std::optional<double> quota_of(const Group& group);
  void find_groups();
  void add_line(std::string_view line);

  std::string proc_cgroup_, root_;
  std::string known_;  // the list of groups that `groups_` was made of
  std::vector<Group> groups_;
  std::array<char, 8192> buffer_;
};

// Implementation details; readers may stop here.

// CPUs that a quota allows: from cgroup v2's cpu.max ("150000 100000" or "max 100000"), or from v1's pair of files.
std::optional<double> quota_of_cpu_max(std::string_view text);
std::optional<double> quota_of_cfs(std::string_view quota_us, std::string_view period_us);

}  // namespace tercel::platform
