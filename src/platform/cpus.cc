#include "platform/cpus.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>

namespace tercel::platform {

namespace {

std::optional<std::string> text_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<double> number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  double value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> smaller(std::optional<double> a, std::optional<double> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

// Asks `quota` about `group` and each group above it. Inside a container the path may name groups that are not mounted:
// those answer nothing.
template <typename F>
std::optional<double> smallest_upwards(std::string group, F&& quota) {
  std::optional<double> least;
  while (true) {
    while (!group.empty() && group.back() == '/') group.pop_back();
    least = smaller(least, quota(group));
    if (group.empty()) return least;
    const size_t slash = group.rfind('/');
    group.resize(slash == std::string::npos ? 0 : slash);
  }
}

bool lists(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == wanted) return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

// One line of /proc/self/cgroup: "0::/path" for v2, "4:cpu,cpuacct:/path" for v1.
std::optional<double> quota_of_line(std::string_view line, const std::string& root) {
  const size_t first = line.find(':'), second = line.find(':', first + 1);
  if (first == line.npos || second == line.npos) return std::nullopt;
  const std::string_view controllers = line.substr(first + 1, second - first - 1);
  const std::string group(line.substr(second + 1));
  if (controllers.empty()) {
    return smallest_upwards(group, [&](const std::string& path) -> std::optional<double> {
      const auto text = text_of(root + path + "/cpu.max");
      return text ? quota_of_cpu_max(*text) : std::nullopt;
    });
  }
  if (!lists(controllers, "cpu")) return std::nullopt;
  std::optional<double> least;
  for (const std::string mount : {"/cpu", "/cpu,cpuacct"}) {
    least = smaller(least, smallest_upwards(group, [&](const std::string& path) -> std::optional<double> {
                      const auto quota = text_of(root + mount + path + "/cpu.cfs_quota_us");
                      const auto period = text_of(root + mount + path + "/cpu.cfs_period_us");
                      return quota && period ? quota_of_cfs(*quota, *period) : std::nullopt;
                    }));
  }
  return least;
}

int affinity_cpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  // More CPUs than a fixed set holds: the quota alone decides then.
  return CPU_SETSIZE;
}

}  // namespace

std::optional<double> quota_of_cpu_max(std::string_view text) {
  const size_t space = text.find(' ');
  return space == text.npos ? std::nullopt : quota_of_cfs(text.substr(0, space), text.substr(space + 1));
}

std::optional<double> quota_of_cfs(std::string_view quota_us, std::string_view period_us) {
  const auto quota = number(quota_us), period = number(period_us);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;  // "max" and -1 mean no quota
  return *quota / *period;
}

std::optional<double> cgroup_cpus(std::string_view proc_cgroup, const std::string& root) {
  std::optional<double> least;
  while (!proc_cgroup.empty()) {
    const size_t end = std::min(proc_cgroup.find('\n'), proc_cgroup.size());
    least = smaller(least, quota_of_line(proc_cgroup.substr(0, end), root));
    proc_cgroup.remove_prefix(std::min(end + 1, proc_cgroup.size()));
  }
  return least;
}

int usable_cpus() {
  const int cpus = affinity_cpus();
  const auto text = text_of("/proc/self/cgroup");
  const auto quota = text ? cgroup_cpus(*text, "/sys/fs/cgroup") : std::nullopt;
  if (!quota) return cpus;
  return std::clamp(static_cast<int>(std::min(std::ceil(*quota), 1e6)), 1, cpus);
}

}  // namespace tercel::platform
