#include "delay.h"

#include <gtest/gtest.h>
#include <time.h>

namespace tercel::bench {
namespace {

std::string config(const std::string& parameters) {
  return R"({"name":"m","max_batch_size":8,"parameters":{)" + parameters + "}}";
}

TEST(Delay, ParametersAreStringsOfNumbers) {
  Delay delay;
  EXPECT_EQ(
      parse_delay(
          config(R"("us":{"string_value":"2000"},"batch_factor":{"string_value":"0.5"},"floats_out":{"string_value":"10"})"),
          delay),
      "");
  EXPECT_EQ(delay.us, 2000);
  EXPECT_EQ(delay.batch_factor, 0.5);
  EXPECT_EQ(delay.floats_out, 10u);
}

TEST(Delay, WhatIsWrongIsSaid) {
  const struct {
    std::string json, says;
  } cases[] = {{"{", "not JSON"},
               {"{}", "no parameters"},
               {config(R"("us":{"string_value":"-1"})"), "us must be"},
               {config(R"("us":{"string_value":"1ms"})"), "us must be"},
               {config(R"("us":{"string_value":"nan"})"), "us must be"},
               {config(R"("batch_factor":{"string_value":"2"})"), "batch_factor must be"},
               {config(R"("us":{})"), "no string_value"},
               {config(R"("usec":{"string_value":"1"})"), "unknown parameter usec"}};
  for (const auto& [json, says] : cases) {
    Delay delay;
    EXPECT_NE(parse_delay(json, delay).find(says), std::string::npos) << json << ": " << parse_delay(json, delay);
  }
}

// The same as tercel.test.Spin: x (1 + batch_factor (n - 1)).
TEST(Delay, FurtherRowsCostTheirShare) {
  const Delay delay{2000, 0.5, 0};
  EXPECT_EQ(delay.cost_ns(0), 0);
  EXPECT_EQ(delay.cost_ns(1), 2'000'000);
  EXPECT_EQ(delay.cost_ns(8), 9'000'000);
}

TEST(Delay, SpinTakesCpuTime) {
  timespec before, after;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  spin(3'000'000);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  EXPECT_GE((after.tv_sec - before.tv_sec) * 1'000'000'000 + after.tv_nsec - before.tv_nsec, 3'000'000);
}

}  // namespace
}  // namespace tercel::bench
