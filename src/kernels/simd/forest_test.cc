#include "kernels/simd/forest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "kernels/simd/row_check.h"

namespace tercel::kernels::simd {
namespace {

struct Form {
  int64_t trees, depth, features, targets, rows;
  bool nan_holds = false;  // at some splits
  double leaf_share = 0;   // of the nodes above the last level
  enum { kOne, kOneATree, kAll } weights = kOne;
};

// Tables as the importer makes them, drawn at random.
class RandomForest {
 public:
  RandomForest(std::mt19937& random, const Form& form) : random_(random), form_(form) {}

  OpCase make() {
    for (int64_t t = 0; t < form_.trees; ++t) {
      target_ = static_cast<int32_t>(t % form_.targets);
      roots_.push_back(grow());
    }
    starts_.push_back(static_cast<int32_t>(targets_.size()));
    OpCase c{.op = "tercel.TreeEnsemble"};
    c.attributes.set("targets", form_.targets);
    Tensor x = random_floats(random_, {form_.rows, form_.features});
    for (int64_t i = 0; i < x.elements(); ++i)
      if (chance(0.1)) x.mutable_as<float>()[i] = chance(0.7) ? std::nanf("") : std::numeric_limits<float>::infinity();
    c.inputs = {x,
                ints32(splits_, {Dim(std::ssize(thresholds_)), Dim(4)}),
                reals(thresholds_),
                ints32(roots_),
                ints32(starts_),
                ints32(targets_),
                reals(weights_)};
    return c;
  }

 private:
  static Tensor ints32(const std::vector<int32_t>& values, Shape shape) {
    return Tensor::of<int32_t>(DType::kInt32, shape, values);
  }
  static Tensor ints32(const std::vector<int32_t>& values) { return ints32(values, {Dim(std::ssize(values))}); }
  static Tensor reals(const std::vector<float>& values) { return floats({Dim(std::ssize(values))}, values); }
  bool chance(double p) { return std::uniform_real_distribution<double>(0, 1)(random_) < p; }
  float weight() { return std::uniform_real_distribution<float>(-1, 1)(random_); }

  int32_t leaf() {
    starts_.push_back(static_cast<int32_t>(targets_.size()));
    for (int32_t k = 0; k < (form_.weights == Form::kAll ? form_.targets : 1); ++k) {
      targets_.push_back(form_.weights == Form::kOne ? 0 : form_.weights == Form::kAll ? k : target_);
      weights_.push_back(weight());
    }
    return -static_cast<int32_t>(starts_.size());
  }

  // Breadth first: children come behind their parents.
  int32_t grow() {
    struct Open {
      size_t split;
      int64_t depth;
    };
    std::vector<Open> queue;
    const auto link = [&](int64_t depth) {
      if (depth == form_.depth || (depth > 0 && chance(form_.leaf_share))) return leaf();
      const auto id = static_cast<int32_t>(thresholds_.size());
      const auto feature = static_cast<int32_t>(random_() % static_cast<uint64_t>(form_.features));
      splits_.insert(splits_.end(), {feature, form_.nan_holds && chance(0.5) ? 2 : 0, 0, 0});
      thresholds_.push_back(2 * weight());
      queue.push_back({static_cast<size_t>(id), depth});
      return id;
    };
    const int32_t root = link(0);
    for (size_t i = 0; i < queue.size(); ++i)
      for (const size_t side : {2, 3}) {
        const int32_t child = link(queue[i].depth + 1);
        splits_[4 * queue[i].split + side] = child;
      }
    return root;
  }

  std::mt19937& random_;
  Form form_;
  int32_t target_ = 0;
  std::vector<int32_t> splits_, roots_, starts_, targets_;
  std::vector<float> thresholds_, weights_;
};

TEST(Forest, MatchesTheReferenceInEveryForm) {
  std::mt19937 random(test_seed());
  for (const int64_t rows : {1, 7, 16, 33, 300})
    for (const Form& form :
         {Form{1, 0, 1, 1, rows}, Form{1, 1, 1, 1, rows}, Form{3, 4, 5, 1, rows, true, 0.2}, Form{33, 6, 30, 1, rows, false, 0.1},
          Form{130, 8, 12, 1, rows, true}, Form{20, 5, 4, 3, rows, true, 0.2, Form::kOneATree},
          Form{17, 5, 9, 4, rows, false, 0.1, Form::kAll}, Form{9, 20, 6, 1, rows, true, 0.42}})
      expect_like_reference("tree-ensemble/packed", RandomForest(random, form).make(), {1e-6, 1e-6});
}

TEST(Forest, CutsManyTreesAndManyRows) {
  std::mt19937 random(test_seed());
  expect_like_reference("tree-ensemble/packed", RandomForest(random, {600, 7, 10, 1, 20}).make(), {1e-6, 1e-6});
  expect_like_reference("tree-ensemble/packed", RandomForest(random, {90, 6, 10, 2, 1500, true, 0, Form::kAll}).make(),
                        {1e-6, 1e-6});
}

// A chain: each split leads to a leaf and the next one.
TEST(Forest, WalksChainsToTheirEnd) {
  std::mt19937 random(test_seed());
  constexpr int32_t kLength = 60;
  OpCase c = RandomForest(random, {1, 0, 1, 1, 90}).make();
  std::vector<int32_t> splits, starts, targets(kLength + 1, 0);
  std::vector<float> thresholds, weights;
  for (int32_t i = 0; i < kLength; ++i) {
    splits.insert(splits.end(), {0, i % 3 ? 0 : 2, -1 - i, i + 1 < kLength ? i + 1 : -1 - kLength});
    thresholds.push_back(-3 + 0.1f * static_cast<float>(i));
  }
  for (int32_t i = 0; i <= kLength + 1; ++i) starts.push_back(i);
  for (int32_t i = 0; i <= kLength; ++i) weights.push_back(static_cast<float>(i));
  c.inputs[1] = Tensor::of<int32_t>(DType::kInt32, {Dim(kLength), Dim(4)}, splits);
  c.inputs[2] = floats({Dim(kLength)}, thresholds);
  c.inputs[3] = Tensor::of<int32_t>(DType::kInt32, {Dim(1)}, std::vector<int32_t>{0});
  c.inputs[4] = Tensor::of<int32_t>(DType::kInt32, {Dim(kLength + 2)}, starts);
  c.inputs[5] = Tensor::of<int32_t>(DType::kInt32, {Dim(kLength + 1)}, targets);
  c.inputs[6] = floats({Dim(kLength + 1)}, weights);
  expect_like_reference("tree-ensemble/packed", c, {1e-6, 1e-6});
}

TEST(Forest, RefusesWhatItDoesNotLayOut) {
  std::mt19937 random(test_seed());
  OpCase least = RandomForest(random, {2, 3, 4, 1, 2}).make(), equal = least, shared = least;
  least.attributes.set("aggregate", std::string("MIN"));
  EXPECT_NE(refusal_of_row("tree-ensemble/packed", least).find("sums or averages"), std::string::npos);
  std::vector<int32_t> splits(equal.inputs[1]->as<int32_t>(), equal.inputs[1]->as<int32_t>() + equal.inputs[1]->elements());
  splits[1] = 1;
  equal.inputs[1] = Tensor::of<int32_t>(DType::kInt32, equal.inputs[1]->shape(), splits);
  EXPECT_NE(refusal_of_row("tree-ensemble/packed", equal).find("order"), std::string::npos);
  // Both branches of each split lead to the next one: 2^20 paths.
  constexpr int32_t kLevels = 20;
  splits.clear();
  for (int32_t i = 1; i <= kLevels; ++i) splits.insert(splits.end(), {0, 0, i < kLevels ? i : -1, i < kLevels ? i : -1});
  shared.inputs[1] = Tensor::of<int32_t>(DType::kInt32, {Dim(kLevels), Dim(4)}, splits);
  shared.inputs[2] = floats({Dim(kLevels)}, std::vector<float>(kLevels, 0.5f));
  shared.inputs[3] = Tensor::of<int32_t>(DType::kInt32, {Dim(1)}, std::vector<int32_t>{0});
  EXPECT_NE(refusal_of_row("tree-ensemble/packed", shared).find("share no branch"), std::string::npos);
}

// Plans share packed bytes between shapes, whose rows may have more features than the trees read.
TEST(Forest, PackedBytesDoNotDependOnTheRows) {
  std::mt19937 random(test_seed());
  const OpCase c = RandomForest(random, {5, 6, 3, 1, 1, true, 0.1}).make();
  const auto packed_for = [&](int64_t features) {
    std::vector<StepContext::Operand> inputs{{true, {DType::kFloat32, {Dim(1), Dim(features)}}, nullptr}};
    for (size_t i = 1; i < c.inputs.size(); ++i) inputs.push_back({true, c.inputs[i]->type(), &*c.inputs[i]});
    const StepContext::Operand output{true, {DType::kFloat32, {Dim(1), Dim(1)}}, nullptr};
    const StepContext context{c.attributes, inputs, {&output, 1}, platform::host_isa(), 1, {}};
    std::vector<std::byte> bytes(forest_packed_bytes(context));
    forest_pack(context, bytes);
    return bytes;
  };
  EXPECT_GT(packed_for(3).size(), 0u);
  EXPECT_EQ(packed_for(3), packed_for(8));
}

TEST(Forest, DamagedPackedBytesAreRefused) {
  const ForestShape shape{.features = 1, .targets = 1, .trees = 1, .nodes = 3, .leaves = 2};
  std::vector<uint64_t> memory(shape.bytes() / sizeof(uint64_t) + 1);
  const std::span bytes(reinterpret_cast<std::byte*>(memory.data()), shape.bytes());
  auto* const nodes = reinterpret_cast<ForestNode*>(memory.data());
  auto* const tree = reinterpret_cast<ForestTree*>(bytes.data() + shape.trees_offset());
  const auto mend = [&] {
    nodes[0] = {0.5f, 1, 1};
    nodes[1] = {1, 0, 0};
    nodes[2] = {2, 0, 0};
    *tree = {0, 0, 1};
  };
  mend();
  EXPECT_TRUE(PackedForest::open(shape, bytes).ok());
  EXPECT_FALSE(PackedForest::open(shape, bytes.first(8)).ok());
  const std::pair<const char*, std::function<void()>> damages[] = {
      {"child", [&] { nodes[0].child = 2; }},  {"feature", [&] { nodes[0].feature = 2; }},
      {"leaf", [&] { nodes[1].feature = 1; }}, {"value", [&] { nodes[2].value = NAN; }},
      {"root", [&] { tree->root = 3; }},       {"target", [&] { tree->target = 1; }},
      {"depth", [&] { tree->depth = 0; }}};
  for (const auto& [what, damage] : damages) {
    mend();
    damage();
    EXPECT_FALSE(PackedForest::open(shape, bytes).ok()) << what;
  }
}

}  // namespace
}  // namespace tercel::kernels::simd
