#include "platform/placement.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <thread>

namespace tercel::platform {
namespace {

TEST(Placement, KeepsAThreadOnItsCpusAndOtherThreadsWhereTheyWere) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int first = 0;
  while (!CPU_ISSET(static_cast<size_t>(first), &before)) ++first;
  std::thread([&] {
    run_on({first});
    EXPECT_EQ(sched_getcpu(), first);
    run_on({});  // changes nothing
    EXPECT_EQ(sched_getcpu(), first);
    run_on({-5, 1 << 20});  // no such CPUs: nor does this
    EXPECT_EQ(sched_getcpu(), first);
  }).join();
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(Placement, KeepsAnotherThreadOnACpu) {
  const std::vector<int> allowed = allowed_cpus();
  ASSERT_FALSE(allowed.empty());
  std::atomic<bool> moved{false};
  std::thread other([&] {
    while (!moved) std::this_thread::yield();
    EXPECT_EQ(allowed_cpus(), std::vector<int>({allowed.back()}));
    EXPECT_EQ(sched_getcpu(), allowed.back());
  });
  EXPECT_TRUE(keep_on(other, std::span(allowed).last(1)));
  EXPECT_FALSE(keep_on(other, std::vector{-1}));
  EXPECT_FALSE(keep_on(other, std::vector{1 << 20}));
  moved = true;
  other.join();
  EXPECT_EQ(allowed_cpus(), allowed);
}

TEST(Placement, ReadsListsOfCpus) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  if (CPU_ISSET(0, &set)) { EXPECT_EQ(*parse_cpu_list("0,0-0"), std::vector<int>({0})); }
  if (CPU_COUNT(&set) > 1 && CPU_ISSET(0, &set) && CPU_ISSET(1, &set)) {
    EXPECT_EQ(*parse_cpu_list("1,0"), std::vector<int>({0, 1}));
    EXPECT_EQ(*parse_cpu_list("0-1"), std::vector<int>({0, 1}));
  }
  for (const char* text : {"", ",", "0,", "a", "-1", "0-", "1-0", "0;1", "99999999999", "0-1023"}) {
    const auto refused = parse_cpu_list(text);
    ASSERT_FALSE(refused.ok()) << text;
    EXPECT_NE(refused.error().message().find(text), std::string::npos);
  }
}

TEST(Placement, AskingForShortSlicesLeavesThePolicyAsItIs) {
  std::thread([] {
    ask_for_short_slices();
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
  }).join();
}

}  // namespace
}  // namespace tercel::platform
