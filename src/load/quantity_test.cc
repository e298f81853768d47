#include "load/quantity.h"

#include <gtest/gtest.h>

namespace tercel::load {
namespace {

TEST(Quantity, Durations) {
  EXPECT_EQ(*parse_duration("250us"), 250'000);
  EXPECT_EQ(*parse_duration("20ms"), 20'000'000);
  EXPECT_EQ(*parse_duration("1.5s"), 1'500'000'000);
  EXPECT_EQ(*parse_duration("2m"), 120'000'000'000);
  EXPECT_EQ(*parse_duration("7ns"), 7);
  EXPECT_EQ(*parse_duration("0"), 0);
  for (const char* text : {"", "s", "10", "10 ms", "10sec", "-1s", "nans", "infs", "1e300s", "8000000s", "1.5.5s", "0x10s"})
    EXPECT_FALSE(parse_duration(text).ok()) << text;
}

TEST(Quantity, SharesAndNumbers) {
  EXPECT_DOUBLE_EQ(*parse_share("99.9%"), 0.999);
  EXPECT_DOUBLE_EQ(*parse_share("0.999"), 0.999);
  EXPECT_DOUBLE_EQ(*parse_share("1"), 1);
  for (const char* text : {"", "%", "0", "0%", "100.1%", "99.9", "1.01", "x", "50%%"})
    EXPECT_FALSE(parse_share(text).ok()) << text;
  EXPECT_DOUBLE_EQ(*parse_number("99.9"), 99.9);
  for (const char* text : {"", "1x", "nan", "inf"}) EXPECT_FALSE(parse_number(text).ok()) << text;
}

TEST(Quantity, Texts) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(999), "999 ns");
  EXPECT_EQ(duration_text(20'000'000), "20 ms");
  EXPECT_EQ(duration_text(999'900), "1 ms");
  EXPECT_EQ(duration_text(1'534'000'000), "1.53 s");
  EXPECT_EQ(duration_text(5'000'000'000'000), "5000 s");
}

}  // namespace
}  // namespace tercel::load
