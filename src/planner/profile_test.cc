#include "planner/profile.h"

#include <gtest/gtest.h>

namespace tercel::planner {
namespace {

// A model with inputs x [batch, 3, size, size] and mask [batch, 7].
graph::Model sample_model() {
  graph::Model model;
  model.graphs.emplace_back();
  const Dim batch = model.symbol("batch"), size = model.symbol("size");
  graph::Graph& main = model.main();
  main.inputs.push_back(main.add_value("x", TensorType{DType::kFloat32, Shape{batch, 3, size, size}}));
  main.inputs.push_back(main.add_value("mask", TensorType{DType::kInt64, Shape{batch, 7}}));
  return model;
}

Result<Profile> profile_of(std::string_view text, const std::vector<std::string>& buckets = {}) {
  const auto items = parse_profile(text);
  if (!items.ok()) return items.error();
  std::vector<std::vector<ProfileItem>> given;
  for (const auto& bucket : buckets) given.push_back(parse_profile(bucket).value());
  return make_profile(sample_model(), *items, given);
}

TEST(ParseProfile, ReadsNamesRangesAndFixedExtents) {
  const auto items = parse_profile("x=1..8x3x224x224,odd=name=2");
  ASSERT_TRUE(items.ok());
  ASSERT_EQ(items->size(), 2u);
  EXPECT_EQ((*items)[0].input, "x");
  EXPECT_EQ((*items)[0].axes.size(), 4u);
  EXPECT_EQ((*items)[0].axes[0].low, 1);
  EXPECT_EQ((*items)[0].axes[0].high, 8);
  EXPECT_EQ((*items)[0].axes[3].low, 224);
  EXPECT_EQ((*items)[1].input, "odd=name");
}

TEST(ParseProfile, RefusesWhatIsNoProfile) {
  for (const char* text : {"x", "=1", "x=a", "x=1..", "x=5..2", "x=1x", "x=-1", "x=99999999999999999999", "x=1x1x1x1x1x1x1x1x1"})
    EXPECT_FALSE(parse_profile(text).ok()) << text;
}

TEST(MakeProfile, SymbolsAreOpenAndTunedAtOneWithoutAProfile) {
  const auto profile = profile_of("");
  ASSERT_TRUE(profile.ok());
  EXPECT_EQ(profile->inputs[0].low, (std::vector<int64_t>{1, 3, 1, 1}));
  EXPECT_EQ(profile->inputs[0].high[0], plan::kDimMax);
  EXPECT_EQ(profile->inputs[0].axis_names, (std::vector<std::string>{"batch", "", "size", "size"}));
  ASSERT_EQ(profile->buckets.size(), 1u);
  EXPECT_EQ(profile->buckets[0][0], (Shape{1, 3, 1, 1}));
  EXPECT_EQ(profile->buckets[0][1], (Shape{1, 7}));
}

TEST(MakeProfile, SymbolsMoveTogether) {
  const auto profile = profile_of("x=2..8x3x16x16");
  ASSERT_TRUE(profile.ok());
  EXPECT_EQ(profile->inputs[1].low[0], 2);  // mask shares the batch
  EXPECT_EQ(profile->inputs[1].high[0], 8);
  for (const auto& bucket : profile->buckets) EXPECT_EQ(bucket[0][0], bucket[1][0]);
  EXPECT_EQ(profile->buckets.front()[0], (Shape{2, 3, 16, 16}));
  EXPECT_EQ(profile->buckets.back()[0], (Shape{8, 3, 16, 16}));
  EXPECT_LE(profile->buckets.size(), static_cast<size_t>(kBucketsMax));
}

TEST(MakeProfile, GivenBucketsReplaceTheChosenOnes) {
  const auto profile = profile_of("x=1..8x3x16x16", {"x=4x3x16x16,mask=4x7", "x=8x3x16x16,mask=8x7"});
  ASSERT_TRUE(profile.ok());
  ASSERT_EQ(profile->buckets.size(), 2u);
  EXPECT_EQ(profile->buckets[0][0], (Shape{4, 3, 16, 16}));
  EXPECT_FALSE(profile_of("x=1..8x3x16x16", {"x=9x3x16x16"}).ok());
}

TEST(MakeProfile, ErrorsNameInputAndAxis) {
  const auto contains = [](const Result<Profile>& r, std::string_view word) {
    return !r.ok() && r.error().message().find(word) != std::string::npos;
  };
  EXPECT_TRUE(contains(profile_of("y=1"), "y"));
  EXPECT_TRUE(contains(profile_of("x=1x3x16"), "x"));
  EXPECT_TRUE(contains(profile_of("x=1x4x16x16"), "axis 1"));
  EXPECT_TRUE(contains(profile_of("x=1..2x3x16x16,mask=3..4x7"), "batch"));
}

}  // namespace
}  // namespace tercel::planner
