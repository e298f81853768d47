#include "request/buffer.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tensor/tensor.h"

namespace tercel::request {
namespace {

TEST(Buffer, GrowsIsAlignedAndKeepsItsRoom) {
  Buffer buffer;
  for (const size_t bytes : {1u, 100u, 5000u, 4096u, 70000u}) {
    ASSERT_TRUE(buffer.reserve(bytes));
    EXPECT_GE(buffer.capacity(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % kTensorAlignment, 0u);
    std::memset(buffer.data(), 1, buffer.capacity() + kBufferPadding);
  }
  const std::byte* data = buffer.data();
  ASSERT_TRUE(buffer.reserve(10));
  EXPECT_EQ(buffer.data(), data);
}

TEST(Buffer, CountsAgainstItsBudget) {
  Budget budget(10000);
  {
    Buffer first(&budget), second(&budget);
    EXPECT_TRUE(first.reserve(4000));
    EXPECT_FALSE(second.reserve(9000));
    EXPECT_EQ(second.capacity(), 0u);
    EXPECT_TRUE(second.reserve(4000));
    EXPECT_FALSE(first.reserve(8000));  // it gave back its own 4096 first, which is not enough
    Buffer third(std::move(second));
    EXPECT_EQ(budget.left(), 10000 - 4096);
  }
  EXPECT_EQ(budget.left(), 10000);
}

TEST(Buffer, TakesOfTheBudgetWhatIsClaimed) {
  Budget budget(10000);
  {
    Buffer promised(&budget);
    ASSERT_TRUE(promised.reserve_unclaimed(size_t{1} << 30));
    EXPECT_EQ(budget.left(), 10000);
    EXPECT_TRUE(promised.claim(4000));
    EXPECT_TRUE(promised.claim(100)) << "it is claimed already";
    EXPECT_EQ(promised.claimed(), 4096u);
    EXPECT_FALSE(promised.claim(12000));
    EXPECT_EQ(budget.left(), 10000 - 4096);
    std::memset(promised.data(), 1, promised.claimed());
    EXPECT_TRUE(promised.reserve(4096));
    EXPECT_EQ(promised.data()[4095], std::byte{1}) << "there was room enough";
    EXPECT_FALSE(promised.reserve(12000)) << "the room is there, the budget is not";
    EXPECT_EQ(promised.capacity(), 0u);
    EXPECT_EQ(budget.left(), 10000);
  }
  EXPECT_EQ(budget.left(), 10000);
}

TEST(Buffer, RefusesAbsurdSizes) {
  Buffer buffer;
  EXPECT_FALSE(buffer.reserve(SIZE_MAX - 5));
  EXPECT_FALSE(buffer.reserve(SIZE_MAX / 2));
  EXPECT_FALSE(buffer.reserve(kBufferBytesMax + 1));
  EXPECT_EQ(buffer.capacity(), 0u);
}

}  // namespace
}  // namespace tercel::request
