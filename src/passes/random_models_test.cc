// Random graphs through the whole pipeline: what no table of cases thinks of. A failure prints the seed.
#include "passes/pipeline.h"
#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

constexpr uint32_t kGraphs = 150;
constexpr int64_t kChannels = 4, kPlaces = 6;

// Grows a graph from a pool of values of one shape, so that any two can meet.
class RandomGraph {
 public:
  explicit RandomGraph(uint32_t seed) : b_(seed) {}

  Model images() {
    shape_ = Shape{b_.symbol("n"), kChannels, kPlaces, kPlaces};
    return grow({[this] { return conv(3); }, [this] { return conv(1); }, [this] { return depthwise(); },
                 [this] { return b_.batch_norm(pick(), kChannels); }, [this] { return pool(); }, [this] { return gate(); },
                 [this] { return join_and_split(); }, [this] { return turn_and_back(); }, [this] { return unary(); },
                 [this] { return binary(); },
                 [this] {
                   return with_constant({kChannels, 1, 1});
                 },
                 [this] { return reshaped(); }});
  }

  Model rows() {
    shape_ = Shape{b_.symbol("n"), kPlaces, kChannels};
    return grow({[this] { return b_.linear(pick(), kChannels, kChannels); }, [this] { return b_.layer_norm(pick(), kChannels); },
                 [this] { return b_.gelu(pick()); }, [this] { return b_.node("Softmax", {pick()}); },
                 [this] { return product(); }, [this] { return unary(); }, [this] { return binary(); },
                 [this] { return with_constant({kChannels}); }, [this] { return reshaped(); }});
  }

 private:
  size_t below(size_t n) { return b_.random() % n; }
  ValueId pick() { return pool_[pool_.size() - 1 - below(std::min<size_t>(pool_.size(), 4))]; }

  Model grow(const std::vector<std::function<ValueId()>>& makers) {
    pool_ = {b_.input("a", shape_), b_.input("b", shape_)};
    const size_t nodes = 4 + below(12);
    for (size_t i = 0; i < nodes; ++i) pool_.push_back(makers[below(makers.size())]());
    b_.output(pool_.back(), "last");
    // A second output somewhere inside, which no pass may lose or rename.
    const size_t inside = 2 + below(pool_.size() - 2);
    if (pool_[inside] != pool_.back()) b_.output(pool_[inside], "inside");
    return b_.model;
  }

  ValueId conv(int64_t kernel) { return b_.conv(pick(), kChannels, kChannels, kernel); }
  ValueId depthwise() { return b_.conv(pick(), kChannels, kChannels, 3, {{"group", kChannels}}); }
  ValueId pool() { return b_.node("AveragePool", {pick()}, {{"kernel_shape", ints({3, 3})}, {"pads", ints({1, 1, 1, 1})}}); }
  ValueId gate() { return b_.node("Mul", {pick(), b_.node("Sigmoid", {b_.node("GlobalAveragePool", {pick()})})}); }
  ValueId join_and_split() {
    const ValueId joined = b_.node("Concat", {pick(), pick()}, {{"axis", int64_t{1}}});
    return b_.nodes("Split", {joined}, 2, {{"axis", int64_t{1}}, {"num_outputs", int64_t{2}}})[below(2)];
  }
  ValueId turn_and_back() {
    const ValueId last = b_.node("Transpose", {pick()}, {{"perm", ints({0, 2, 3, 1})}});
    const ValueId moved = below(2) ? b_.node("Relu", {last}) : b_.node("Add", {last, b_.weight({kChannels})});
    return b_.node("Transpose", {moved}, {{"perm", ints({0, 3, 1, 2})}});
  }
  ValueId product() {
    const ValueId turned = b_.node("Transpose", {pick()}, {{"perm", ints({0, 2, 1})}});
    return b_.node("MatMul", {b_.node("Mul", {b_.node("MatMul", {pick(), turned}), b_.scalar(0.25f)}), pick()});
  }
  ValueId reshaped() {
    const ValueId flat = b_.node("Flatten", {pick()});
    std::vector<int64_t> target = {-1};
    for (int i = 1; i < shape_.rank(); ++i) target.push_back(shape_.size(i));
    return b_.node("Reshape", {flat, b_.integers(target)});
  }
  ValueId unary() {
    static constexpr const char* kOps[] = {"Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Identity", "HardSwish", "Softplus"};
    return b_.node(kOps[below(std::size(kOps))], {pick()});
  }
  ValueId binary() {
    static constexpr const char* kOps[] = {"Add", "Sub", "Mul", "Max"};
    return b_.node(kOps[below(std::size(kOps))], {pick(), pick()});
  }
  ValueId with_constant(const Shape& shape) {
    static constexpr const char* kOps[] = {"Add", "Mul", "Sub"};
    const ValueId constant = below(3) ? b_.weight(shape) : b_.scalar(below(2) ? 1 : 0.5f);
    const char* op = kOps[below(std::size(kOps))];
    return below(2) ? b_.node(op, {pick(), constant}) : b_.node(op, {constant, pick()});
  }

  Builder b_;
  Shape shape_;
  std::vector<ValueId> pool_;
};

void expect_kept(const Model& before, uint32_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Model after = before;
  const auto report = run_passes(after, {});
  ASSERT_TRUE(report) << report.error().message() << "\n" << graph::to_text(before);
  expect_same(before, after, {{"n", 2}}, 1e-4);
  const auto again = run_passes(after, {});
  ASSERT_TRUE(again) << again.error().message();
  expect_same(before, after, {{"n", 1}}, 1e-4);
}

TEST(RandomModels, OfConvolutionsKeepTheirMeaning) {
  for (uint32_t seed = 1; seed <= kGraphs && !HasFatalFailure(); ++seed) expect_kept(RandomGraph(seed).images(), seed);
}

TEST(RandomModels, OfDenseLayersKeepTheirMeaning) {
  for (uint32_t seed = 1; seed <= kGraphs && !HasFatalFailure(); ++seed) expect_kept(RandomGraph(seed).rows(), seed);
}

}  // namespace
}  // namespace tercel::passes::testing
