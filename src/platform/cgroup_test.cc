#include "platform/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "platform/cpus.h"

namespace tercel::platform {
namespace {

TEST(CpuQuota, Texts) {
  EXPECT_EQ(quota_of_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(quota_of_cpu_max("max 100000\n"), std::nullopt);
  EXPECT_EQ(quota_of_cpu_max(""), std::nullopt);
  EXPECT_EQ(quota_of_cpu_max("12x 100000"), std::nullopt);
  EXPECT_EQ(quota_of_cpu_max("100000 0"), std::nullopt);
  EXPECT_EQ(quota_of_cfs("50000\n", "100000\n"), 0.5);
  EXPECT_EQ(quota_of_cfs("-1\n", "100000\n"), std::nullopt);
}

TEST(CpuQuota, AQuotaBelowOneCpuKeepsOneThreadRunning) {
  EXPECT_EQ(threads_within(0.2), 1);
  EXPECT_EQ(threads_within(1.0), 1);
  EXPECT_EQ(threads_within(1.5), 2);
  EXPECT_EQ(threads_within(1e300), 1'000'000);
  EXPECT_GT(threads_within(std::nullopt), 1'000'000);
}

class CgroupTree : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "tercel_cgroups_" + std::to_string(::getpid());
    std::filesystem::create_directories(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  CpuGroupState read(const std::string& proc_cgroup) {
    put("/proc_cgroup", proc_cgroup);
    return CpuGroups(root_ + "/proc_cgroup", root_).read();
  }
  std::string root_;
};

TEST_F(CgroupTree, VersionTwoTakesTheSmallestOnTheWayUp) {
  put("/a/cpu.max", "200000 100000");
  put("/a/b/cpu.max", "max 100000");
  put("/a/b/c/cpu.max", "300000 100000");
  EXPECT_EQ(read("0::/a/b/c\n").cpus, 2.0);
  EXPECT_EQ(read("0::/elsewhere\n").cpus, std::nullopt);
  put("/cpu.max", "50000 100000");
  EXPECT_EQ(read("0::/\n").cpus, 0.5);
  EXPECT_EQ(read("0::/not/mounted\n").cpus, 0.5);
  EXPECT_EQ(read("0::without-a-slash\n").cpus, 0.5);
}

TEST_F(CgroupTree, VersionOneReadsTheCpuController) {
  for (const std::string mount : {"/cpu", "/cpu,cpuacct"}) {
    put(mount + "/box/cpu.cfs_quota_us", mount == "/cpu" ? "80000" : "120000");
    put(mount + "/box/cpu.cfs_period_us", "100000");
    put(mount + "/box/cpu.stat", "nr_periods 7\nnr_throttled 3\nthrottled_time 9\n");
    const CpuGroupState state = read("3:memory:/box\n2:cpu,cpuacct:/box\n");
    EXPECT_EQ(state.cpus, mount == "/cpu" ? 0.8 : 1.2);
    EXPECT_EQ(state.throttled, 3u);
  }
  EXPECT_EQ(read("3:memory:/box\n2:cpuset:/box\n").cpus, std::nullopt);
  EXPECT_EQ(read("nonsense\n::\n").cpus, std::nullopt);
}

TEST_F(CgroupTree, SeesWhatChanges) {
  put("/proc_cgroup", "0::/a\n");
  put("/a/cpu.max", "200000 100000");
  put("/a/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 4\n");
  put("/b/cpu.max", "100000 100000");
  put("/cpu.stat", "usage_usec 5\nnr_throttled 1");
  CpuGroups groups(root_ + "/proc_cgroup", root_);
  EXPECT_EQ(groups.read().cpus, 2.0);
  EXPECT_EQ(groups.read().throttled, 5u);
  put("/a/cpu.max", "max 100000");
  EXPECT_EQ(groups.read().cpus, std::nullopt);
  put("/proc_cgroup", "0::/b\n");  // moved
  EXPECT_EQ(groups.read().cpus, 1.0);
  EXPECT_EQ(groups.read().throttled, 1u);
  std::filesystem::remove_all(root_);
  EXPECT_EQ(groups.read().cpus, std::nullopt);
  EXPECT_EQ(groups.read().throttled, std::nullopt);
}

}  // namespace
}  // namespace tercel::platform
