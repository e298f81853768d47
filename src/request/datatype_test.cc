#include "request/datatype.h"

#include <gtest/gtest.h>

namespace tercel::request {
namespace {

TEST(Datatype, NamesGoBothWays) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(datatype_of(datatype_name(dtype)), dtype);
    EXPECT_EQ(config_datatype_name(dtype), "TYPE_" + std::string(datatype_name(dtype)));
  }
  EXPECT_EQ(datatype_name(DType::kFloat32), "FP32");
  EXPECT_EQ(datatype_name(DType::kUint8), "UINT8");
  EXPECT_EQ(datatype_name(DType::kBFloat16), "BF16");
}

TEST(Datatype, UnknownNamesAreNone) {
  for (const auto name : {"", "fp32", "FP32 ", "BYTES", "TYPE_FP32", "INT128"}) EXPECT_FALSE(datatype_of(name)) << name;
}

}  // namespace
}  // namespace tercel::request
