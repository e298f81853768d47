#include "platform/cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace tercel::platform {

namespace {

template <typename T>
std::optional<T> number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  T value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Takes the part before the next `separator` off `text`.
std::string_view next_part(std::string_view& text, char separator) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool lists(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty())
    if (next_part(controllers, ',') == wanted) return true;
  return false;
}

std::optional<uint64_t> throttled_of(std::string_view cpu_stat) {
  constexpr std::string_view kKey = "nr_throttled ";
  while (!cpu_stat.empty()) {
    const std::string_view line = next_part(cpu_stat, '\n');
    if (line.starts_with(kKey)) return number<uint64_t>(line.substr(kKey.size()));
  }
  return std::nullopt;
}

}  // namespace

std::optional<double> quota_of_cpu_max(std::string_view text) {
  const size_t space = text.find(' ');
  return space == text.npos ? std::nullopt : quota_of_cfs(text.substr(0, space), text.substr(space + 1));
}

std::optional<double> quota_of_cfs(std::string_view quota_us, std::string_view period_us) {
  const auto quota = number<double>(quota_us), period = number<double>(period_us);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;  // "max" and -1 mean no quota
  return *quota / *period;
}

CpuGroups::CpuGroups(std::string proc_cgroup, std::string root) : proc_cgroup_(std::move(proc_cgroup)), root_(std::move(root)) {}

std::string_view CpuGroups::contents(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  size_t size = 0;
  while (size < buffer_.size()) {
    const ssize_t more = ::read(file, buffer_.data() + size, buffer_.size() - size);
    if (more <= 0) break;
    size += static_cast<size_t>(more);
  }
  ::close(file);
  return {buffer_.data(), size};
}

// One line of /proc/self/cgroup: "0::/path" for v2, "4:cpu,cpuacct:/path" for v1. Inside a container the path may name groups
// that are not mounted: their files cannot be read, and those above them answer.
void CpuGroups::add_line(std::string_view line) {
  const size_t first = line.find(':'), second = line.find(':', first + 1);
  if (first == line.npos || second == line.npos) return;
  const std::string_view controllers = line.substr(first + 1, second - first - 1);
  const bool unified = controllers.empty();
  if (!unified && !lists(controllers, "cpu")) return;
  std::string mount = root_;
  if (!unified) mount += ::access((root_ + "/cpu,cpuacct").c_str(), F_OK) == 0 ? "/cpu,cpuacct" : "/cpu";
  for (std::string group(line.substr(second + 1));;) {
    while (!group.empty() && group.back() == '/') group.pop_back();
    const std::string folder = mount + group;
    groups_.push_back(unified ? Group{folder + "/cpu.max", "", folder + "/cpu.stat"}
                              : Group{folder + "/cpu.cfs_quota_us", folder + "/cpu.cfs_period_us", folder + "/cpu.stat"});
    if (group.empty()) return;
    const size_t slash = group.rfind('/');
    group.resize(slash == group.npos ? 0 : slash);
  }
}

void CpuGroups::find_groups() {
  const std::string_view text = contents(proc_cgroup_);
  if (text == known_) return;
  known_ = text;
  groups_.clear();
  for (std::string_view rest = known_; !rest.empty();) add_line(next_part(rest, '\n'));
}

std::optional<double> CpuGroups::quota_of(const Group& group) {
  if (group.period.empty()) return quota_of_cpu_max(contents(group.quota));
  std::array<char, 32> quota;
  const std::string_view text = contents(group.quota);
  const size_t size = text.copy(quota.data(), quota.size());
  return quota_of_cfs({quota.data(), size}, contents(group.period));
}

CpuGroupState CpuGroups::read() {
  find_groups();
  CpuGroupState state;
  for (const Group& group : groups_) {
    if (const auto cpus = quota_of(group)) state.cpus = std::min(state.cpus.value_or(*cpus), *cpus);
    if (const auto periods = throttled_of(contents(group.stat))) state.throttled = state.throttled.value_or(0) + *periods;
  }
  return state;
}

}  // namespace tercel::platform
