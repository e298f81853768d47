#include "platform/pages.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>

namespace tercel::platform {
namespace {

long faults() {
  rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

TEST(Pages, GrowsWithoutMoving) {
  Pages pages = Pages::reserve(size_t{1} << 30).take();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pages.data()) % (size_t{2} << 20), 0u);
  ASSERT_TRUE(pages.grow(10'000).ok());
  std::byte* const start = pages.data();
  start[9'999] = std::byte{42};
  ASSERT_TRUE(pages.grow(9'000'000).ok());
  EXPECT_EQ(pages.data(), start);
  EXPECT_EQ(start[9'999], std::byte{42});
  pages.shrink(0);
  EXPECT_EQ(pages.bytes(), 0u);
  ASSERT_TRUE(pages.grow(100).ok());
  EXPECT_EQ(start[0], std::byte{0});
}

TEST(Pages, ArePresentOnceGrown) {
  // The system may move a page at any time (compaction), which counts as a fault: one clean round of a few is enough.
  long least = 1;
  for (int round = 0; round < 5 && least > 0; ++round) {
    Pages pages = Pages::reserve(size_t{1} << 30).take();
    ASSERT_TRUE(pages.grow(9'000'000).ok());
    const long before = faults();
    for (size_t i = 0; i < 9'000'000; i += 512) pages.data()[i] = std::byte{1};
    least = std::min(least, faults() - before);
  }
  EXPECT_EQ(least, 0);
}

TEST(Pages, RefusesMoreThanItReserved) {
  Pages pages = Pages::reserve(size_t{16} << 20).take();
  EXPECT_EQ(pages.grow(size_t{17} << 20).error().code(), ErrorCode::kExhausted);
  EXPECT_EQ(pages.grow(SIZE_MAX - 5).error().code(), ErrorCode::kExhausted);
}

}  // namespace
}  // namespace tercel::platform
