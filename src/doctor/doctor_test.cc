#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "doctor/checks.h"

namespace tercel::doctor {
namespace {

// A /proc and a /sys of its own.
class FakeRoot {
 public:
  FakeRoot() {
    std::string name = (std::filesystem::temp_directory_path() / "tercel-doctor-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~FakeRoot() { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ + path).substr(0, (root_ + path).rfind('/')));
    std::ofstream(root_ + path) << text;
  }
  const std::string& path() const { return root_; }

 private:
  std::string root_;
};

const Check& find(const std::vector<Check>& checks, std::string_view name) {
  for (const Check& check : checks)
    if (check.name == name) return check;
  ADD_FAILURE() << "no check " << name;
  return checks[0];
}

TEST(Host, ReadsAMachineThatTells) {
  FakeRoot root;
  root.write("/proc/self/cgroup", "0::/box\n");
  root.write("/sys/fs/cgroup/box/cpu.max", "150000 100000\n");
  root.write("/sys/fs/cgroup/box/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 4\nthrottled_usec 77\n");
  root.write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
  root.write("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
  root.write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
  root.write("/sys/devices/system/cpu/isolated", "2-3\n");
  root.write("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  root.write("/proc/sys/kernel/numa_balancing", "1\n");
  root.write("/proc/meminfo", "MemTotal: 10 kB\nSwapTotal:      2048 kB\n");
  root.write("/proc/self/status", "Name:\ttercel\nVmSwap:\t      16 kB\n");
  root.write("/proc/loadavg", "7.25 3.00 1.00 2/100 4242\n");
  const HostFacts f = read_host(root.path());
  EXPECT_EQ(f.quota, 1.5);
  EXPECT_EQ(f.throttled, 4u);
  EXPECT_EQ(f.governors, (std::vector<std::string>{"performance", "powersave"}));
  EXPECT_EQ(f.clocksource, "hpet");
  EXPECT_EQ(f.isolated_cpus, "2-3");
  EXPECT_EQ(f.transparent_huge_pages, "madvise");
  EXPECT_EQ(f.numa_balancing, true);
  EXPECT_EQ(f.swap_total, 2048u * 1024);
  EXPECT_EQ(f.swapped, 16u * 1024);
  EXPECT_EQ(f.load, 7.25);

  const auto checks = check_host(f, {1, 30, 0.0001, 0}, 0.2);
  for (const char* name : {"cpu quota", "frequency governor", "clock source", "swap", "stolen time"}) {
    EXPECT_EQ(find(checks, name).verdict, Verdict::kWarning) << name;
    EXPECT_NE(find(checks, name).change, "") << name;
  }
  EXPECT_EQ(find(checks, "cpu quota").value, "1.50 CPUs, stopped 4 times so far");
  EXPECT_EQ(find(checks, "transparent huge pages").verdict, Verdict::kGood);
  EXPECT_EQ(find(checks, "isolated cpus").verdict, Verdict::kGood);
  EXPECT_EQ(find(checks, "interruptions").verdict, Verdict::kGood);
}

TEST(Host, SaysNothingWhereTheMachineIsSilent) {
  const FakeRoot root;
  const HostFacts f = read_host(root.path());
  EXPECT_FALSE(f.quota || f.throttled || f.numa_balancing || f.swap_total || f.load);
  const auto checks = check_host(f, {1, 30, 0, 0}, std::nullopt);
  for (const char* name :
       {"frequency governor", "clock source", "transparent huge pages", "numa balancing", "swap", "load", "stolen time"}) {
    EXPECT_EQ(find(checks, name).verdict, Verdict::kUnknown) << name;
    EXPECT_EQ(find(checks, name).change, "") << name;
  }
  EXPECT_EQ(find(checks, "cpu quota").verdict, Verdict::kGood);
}

TEST(Host, SurvivesNonsense) {
  FakeRoot root;
  for (const char* text : {"", "-1", "cpu", "99999999999999999999999", "[", "]", "0::", "SwapTotal:", "SwapTotal: x kB"}) {
    for (const char* path : {"/proc/self/cgroup", "/proc/meminfo", "/proc/loadavg", "/proc/sys/kernel/numa_balancing",
                             "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu.max"})
      root.write(path, text);
    EXPECT_EQ(check_host(read_host(root.path()), {}, std::nullopt).size(), 16u) << text;
  }
}

TEST(Steal, IsTheShareOfTheDifference) {
  EXPECT_DOUBLE_EQ(*steal_between("cpu  10 0 10 80 0 0 0 0 0 0\n", "cpu  40 0 10 130 0 0 0 20 0 0\n"), 0.2);
  EXPECT_FALSE(steal_between("cpu 1 2 3", "cpu 1 2 3"));
  EXPECT_FALSE(steal_between("", "intr 5"));
  EXPECT_FALSE(steal_between("cpu  1 0 0 0 0 0 0 0\n", "cpu  1 0 0 0 0 0 0 0\n"));
}

TEST(Interruptions, AreMeasured) {
  const Interruptions found = watch_interruptions(0.02);
  EXPECT_GE(found.seconds, 0.02);
  EXPECT_GE(found.longest_us, 0);
  EXPECT_GE(found.lost_share, 0);
  EXPECT_LE(found.lost_share, 1);
}

TEST(Checks, SayWhyAndWhatToDo) {
  HostFacts bare;
  bare.isa = "portable";
  for (const Check& check : check_host(bare, {1, 9000, 0.5, 40}, 0.0)) {
    EXPECT_FALSE(check.why.empty()) << check.name;
    EXPECT_EQ(check.change.empty(), check.verdict == Verdict::kGood || check.verdict == Verdict::kUnknown) << check.name;
  }
}

}  // namespace
}  // namespace tercel::doctor
