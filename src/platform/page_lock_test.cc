#include "platform/page_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <fstream>
#include <string>

#include "platform/small_lock_limit.h"

namespace tercel::platform {
namespace {

using testing::HasSubstr;
constexpr size_t kPage = 4096;

long locked_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmLck:")) return std::stol(line.substr(6));
  return -1;
}

// Pages that nobody has touched.
class PageLocks : public testing::Test {
 protected:
  static constexpr size_t kPages = 16;

  void SetUp() override {
    memory_ = mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory_, MAP_FAILED);
    before_ = locked_kib();
    if (mlock(memory_, kPages * kPage) != 0 || locked_kib() != before_ + long{kPages * kPage / 1024})
      GTEST_SKIP() << "this process may not lock 64 KiB, or a sanitizer does as if it did";
    munlock(memory_, kPages * kPage);
  }
  void TearDown() override { munmap(memory_, kPages * kPage); }

  // `count` pages from `first` on, less a few bytes at both ends.
  PageLock::Bytes pages(size_t first, size_t count) const {
    return {static_cast<const std::byte*>(memory_) + first * kPage + 7, count * kPage - 9};
  }
  PageLock lock(size_t first, size_t count) const {
    const PageLock::Bytes range = pages(first, count);
    return PageLock::take({&range, 1}).take();
  }
  long locked_pages() const { return (locked_kib() - before_) * 1024 / long{kPage}; }

  void* memory_ = nullptr;
  long before_ = 0;
};

TEST_F(PageLocks, MakePagesPresentUntilTheyAreReleased) {
  {
    const PageLock held = lock(2, 4);
    EXPECT_EQ(locked_pages(), 4);
    rusage before{}, after{};
    getrusage(RUSAGE_THREAD, &before);
    for (size_t i = 2; i < 6; ++i) static_cast<volatile char*>(memory_)[i * kPage] = 1;
    getrusage(RUSAGE_THREAD, &after);
    EXPECT_EQ(after.ru_minflt, before.ru_minflt);
  }
  EXPECT_EQ(locked_pages(), 0);
}

TEST_F(PageLocks, StayWhileAnotherLockHoldsThem) {
  PageLock first = lock(0, 8), second = lock(4, 8), third = lock(6, 1);
  EXPECT_EQ(locked_pages(), 12);
  first = {};
  EXPECT_EQ(locked_pages(), 8);
  second = {};
  EXPECT_EQ(locked_pages(), 1);
  PageLock moved = std::move(third);
  third = {};
  EXPECT_EQ(locked_pages(), 1);
  first = lock(0, 16);
  moved = {};
  EXPECT_EQ(locked_pages(), 16);
  first = {};
  EXPECT_EQ(locked_pages(), 0);
}

TEST_F(PageLocks, TakeAllRangesOrNone) {
  const PageLock::Bytes absent{reinterpret_cast<const std::byte*>(kPage), kPage};
  const PageLock::Bytes ranges[] = {pages(0, 2), {}, pages(1, 3), absent};
  EXPECT_TRUE(PageLock::take(std::span(ranges).first(3)).ok());
  EXPECT_EQ(locked_pages(), 0);  // it was dropped at once
  const auto refused = PageLock::take(ranges);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("cannot lock"));
  EXPECT_EQ(locked_pages(), 0);
}

TEST_F(PageLocks, SayWhatTheLimitIsAndHowToRaiseIt) {
  const SmallLockLimit limit(static_cast<rlim_t>(before_) * 1024 + 3 * kPage);
  if (!limit.works()) GTEST_SKIP() << "this process may not change its limit, or a sanitizer does as if it locked";
  const PageLock two = lock(0, 2);
  const PageLock::Bytes more = pages(4, 2);
  const auto refused = PageLock::take({&more, 1});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  for (const std::string& part :
       {std::to_string(2 * kPage) + " bytes", std::to_string(before_ * 1024 + long{3 * kPage}) + " (RLIMIT_MEMLOCK)",
        std::to_string(before_ * 1024 + long{2 * kPage}) + " locked", std::string("ulimit -l"), std::string("LimitMEMLOCK="),
        std::string("CAP_IPC_LOCK")})
    EXPECT_THAT(refused.error().message(), HasSubstr(part));
  EXPECT_EQ(locked_pages(), 2);
}

}  // namespace
}  // namespace tercel::platform
