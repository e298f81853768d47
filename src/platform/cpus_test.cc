#include "platform/cpus.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tercel::platform {
namespace {

TEST(Cpus, QuotaTexts) {
  EXPECT_EQ(quota_of_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(quota_of_cpu_max("max 100000\n"), std::nullopt);
  EXPECT_EQ(quota_of_cpu_max(""), std::nullopt);
  EXPECT_EQ(quota_of_cpu_max("12x 100000"), std::nullopt);
  EXPECT_EQ(quota_of_cpu_max("100000 0"), std::nullopt);
  EXPECT_EQ(quota_of_cfs("50000\n", "100000\n"), 0.5);
  EXPECT_EQ(quota_of_cfs("-1\n", "100000\n"), std::nullopt);
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
  std::string root_;
};

TEST_F(CgroupTree, VersionTwoTakesTheSmallestOnTheWayUp) {
  put("/a/cpu.max", "200000 100000");
  put("/a/b/cpu.max", "max 100000");
  put("/a/b/c/cpu.max", "300000 100000");
  EXPECT_EQ(cgroup_cpus("0::/a/b/c\n", root_), 2.0);
  EXPECT_EQ(cgroup_cpus("0::/elsewhere\n", root_), std::nullopt);
  put("/cpu.max", "50000 100000");
  EXPECT_EQ(cgroup_cpus("0::/\n", root_), 0.5);
  EXPECT_EQ(cgroup_cpus("0::/not/mounted\n", root_), 0.5);
}

TEST_F(CgroupTree, VersionOneReadsTheCpuController) {
  put("/cpu,cpuacct/box/cpu.cfs_quota_us", "120000");
  put("/cpu,cpuacct/box/cpu.cfs_period_us", "100000");
  EXPECT_EQ(cgroup_cpus("3:memory:/box\n2:cpu,cpuacct:/box\n", root_), 1.2);
  EXPECT_EQ(cgroup_cpus("3:memory:/box\n2:cpuset:/box\n", root_), std::nullopt);
  EXPECT_EQ(cgroup_cpus("nonsense\n::\n", root_), std::nullopt);
}

TEST(Cpus, ThisMachineHasAtLeastOne) { EXPECT_GE(usable_cpus(), 1); }

}  // namespace
}  // namespace tercel::platform
