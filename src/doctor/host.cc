#include "doctor/host.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>

#include "platform/cgroup.h"
#include "platform/cpus.h"
#include "platform/isa.h"

namespace tercel::doctor {

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

template <typename T>
std::optional<T> number(std::string_view text) {
  T value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

// The number behind "KEY" at the start of a line, as in /proc/meminfo.
std::optional<uint64_t> field(const std::string& text, std::string_view key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    const size_t at = line.find_first_not_of(" \t:", key.size());
    if (at > key.size() && at != line.npos) return number<uint64_t>(std::string_view(line).substr(at));
  }
  return std::nullopt;
}

std::optional<uint64_t> kibibytes(const std::string& text, std::string_view key) {
  const auto value = field(text, key);
  return value && *value <= UINT64_MAX / 1024 ? std::optional(*value * 1024) : std::nullopt;
}

// "always [madvise] never"
std::string chosen_of(const std::string& text) {
  const size_t open = text.find('['), close = text.find(']', open);
  return open == text.npos || close == text.npos ? "" : text.substr(open + 1, close - open - 1);
}

std::vector<std::string> governors(const std::string& root) {
  std::vector<std::string> found;
  for (int cpu = 0;; ++cpu) {
    const std::string folder = root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
    const std::string governor = text_of(folder + "/cpufreq/scaling_governor");
    if (governor.empty()) return found;
    if (std::find(found.begin(), found.end(), governor) == found.end()) found.push_back(governor);
  }
}

uint64_t limit_of(int resource) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return 0;
  return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

}  // namespace

HostFacts read_host(const std::string& root) {
  const std::string proc = root + "/proc", sys = root + "/sys";
  const std::string memory = text_of(proc + "/meminfo");
  const platform::CpuGroupState group = platform::CpuGroups(proc + "/self/cgroup", sys + "/fs/cgroup").read();
  HostFacts f;
  f.cpu = platform::cpu_model();
  f.isa = std::string(platform::isa_name(platform::host_isa()));
  f.cpus = platform::usable_cpus();
  f.quota = group.cpus;
  f.throttled = group.throttled;
  f.governors = governors(root);
  f.clocksource = text_of(sys + "/devices/system/clocksource/clocksource0/current_clocksource");
  f.isolated_cpus = text_of(sys + "/devices/system/cpu/isolated");
  f.transparent_huge_pages = chosen_of(text_of(sys + "/kernel/mm/transparent_hugepage/enabled"));
  if (const auto balancing = number<int>(text_of(proc + "/sys/kernel/numa_balancing"))) f.numa_balancing = *balancing != 0;
  f.swap_total = kibibytes(memory, "SwapTotal");
  f.swapped = kibibytes(text_of(proc + "/self/status"), "VmSwap");
  f.load = number<double>(text_of(proc + "/loadavg"));
  utsname name{};
  if (uname(&name) == 0) f.kernel = std::string(name.release) + " " + name.version;
  f.lockable_bytes = limit_of(RLIMIT_MEMLOCK);
  f.real_time_priority = limit_of(RLIMIT_RTPRIO);
  f.open_files = limit_of(RLIMIT_NOFILE);
  return f;
}

std::string read_stat(const std::string& root) { return text_of(root + "/proc/stat"); }

std::optional<double> steal_between(const std::string& before, const std::string& after) {
  constexpr size_t kSteal = 7, kFields = 8;  // user nice system idle iowait irq softirq steal
  uint64_t total[2] = {0, 0}, steal[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    std::istringstream words(i == 0 ? before : after);
    std::string word;
    if (!(words >> word) || word != "cpu") return std::nullopt;
    for (size_t at = 0; at < kFields; ++at) {
      uint64_t ticks;
      if (!(words >> ticks)) return std::nullopt;
      total[i] += ticks;
      if (at == kSteal) steal[i] = ticks;
    }
  }
  if (total[1] <= total[0] || steal[1] < steal[0]) return std::nullopt;
  return static_cast<double>(steal[1] - steal[0]) / static_cast<double>(total[1] - total[0]);
}

}  // namespace tercel::doctor
