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

TEST(Buffer, RefusesAbsurdSizes) {
  Buffer buffer;
  EXPECT_FALSE(buffer.reserve(SIZE_MAX - 5));
  EXPECT_FALSE(buffer.reserve(SIZE_MAX / 2));
  EXPECT_FALSE(buffer.reserve(kBufferBytesMax + 1));
  EXPECT_EQ(buffer.capacity(), 0u);
}

}  // namespace
}  // namespace tercel::request
