#include "request/signature.h"

#include <gtest/gtest.h>

namespace tercel::request {
namespace {

const TensorSignature kImage{"image", DType::kFloat32, {-1, 3, 4}};

TEST(Signature, FindsWithGoodAndBadHints) {
  const std::vector<TensorSignature> tensors = {{"a"}, {"b"}, {"c"}};
  EXPECT_EQ(find(tensors, "b", 1), 1u);
  EXPECT_EQ(find(tensors, "c", 0), 2u);
  EXPECT_EQ(find(tensors, "a", 99), 0u);
  EXPECT_EQ(find(tensors, "d", 0), std::nullopt);
}

TEST(Signature, MatchesTypesAndExtents) {
  struct Case {
    TensorType type;
    const char* says;
  };
  const Case cases[] = {
      {{DType::kFloat32, Shape{1, 3, 4}}, ""},
      {{DType::kFloat32, Shape{0, 3, 4}}, ""},
      {{DType::kFloat32, Shape{9, 3, 4}}, ""},
      {{DType::kFloat64, Shape{1, 3, 4}}, "datatype FP64, the model wants FP32"},
      {{DType::kFloat32, Shape{1, 3, 5}}, "shape [1,3,5], the model wants [-1,3,4]"},
      {{DType::kFloat32, Shape{3, 4}}, "shape [3,4]"},
      {{DType::kFloat32, Shape{}}, "shape []"},
  };
  for (const auto& c : cases) {
    const auto result = matches(kImage, c.type);
    EXPECT_EQ(result.ok(), *c.says == 0);
    if (!result.ok()) { EXPECT_NE(result.error().message().find(c.says), std::string::npos) << result.error().message(); }
  }
}

}  // namespace
}  // namespace tercel::request
