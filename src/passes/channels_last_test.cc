#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

using Entries = std::vector<ops::Attributes::Entry>;

int transposes(const Model& model) { return count(model, "Transpose"); }

// What may stand between two convolutions without a transpose; x is [n, 4, 6, 6], and so is the result unless noted.
struct BetweenCase {
  const char* name;
  ValueId (*make)(Builder&, ValueId x);
  int64_t channels = 4;
  int transposes = 2;  // in and out
};
const BetweenCase kBetween[] = {
    {"nothing", [](Builder&, ValueId x) { return x; }},
    {"Relu", [](Builder& b, ValueId x) { return b.node("Relu", {x}); }},
    {"Clip",
     [](Builder& b, ValueId x) {
       return b.node("Clip", {x, b.scalar(-1), b.scalar(1)});
     }},
    {"per-channel constants",
     [](Builder& b, ValueId x) {
       return b.node("Add", {b.node("Mul", {b.weight({4, 1, 1}), x}), b.weight({1, 4, 1, 1})});
     }},
    {"per-column constant",
     [](Builder& b, ValueId x) {
       return b.node("Add", {x, b.weight({6})});
     }},
    {"per-place constant",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {x, b.weight({6, 6})});
     }},
    {"residual",
     [](Builder& b, ValueId x) {
       return b.node("Add", {x, b.node("Relu", {x})});
     }},
    {"gate of a global pool",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {x, b.node("Sigmoid", {b.conv(b.node("GlobalAveragePool", {x}), 4, 4, 1)})});
     }},
    {"Concat",
     [](Builder& b, ValueId x) {
       return b.node("Concat", {x, b.node("Abs", {x})}, {{"axis", int64_t{1}}});
     },
     8},
    {"Split",
     [](Builder& b, ValueId x) {
       const auto parts = b.nodes("Split", {x}, 2, {{"axis", int64_t{1}}, {"num_outputs", int64_t{2}}});
       return b.node("Concat", {parts[1], parts[0]}, {{"axis", int64_t{-3}}});
     }},
    {"Slice of channels",
     [](Builder& b, ValueId x) {
       return b.node("Slice", {x, b.integers({1}), b.integers({3}), b.integers({1})});
     },
     2},
    {"Slice without axes",
     [](Builder& b, ValueId x) {
       return b.node("Slice", {x, b.integers({0, 1}), b.integers({9, 4})});
     },
     3},
    {"Pad",
     [](Builder& b, ValueId x) {
       return b.node("Pad", {x, b.integers({0, 1, 2, 0, 0, 0, 1, 1}), b.scalar(2)});
     },
     5},
    {"Pad of axes",
     [](Builder& b, ValueId x) {
       return b.node("Pad", {x, b.integers({1, 2, 1, 0}), kNoValue, b.integers({2, -1})}, {{"mode", std::string("reflect")}});
     }},
    {"MaxPool",
     [](Builder& b, ValueId x) {
       return b.node("MaxPool", {x}, {{"kernel_shape", ints({2, 2})}, {"strides", ints({2, 2})}});
     }},
    {"AveragePool",
     [](Builder& b, ValueId x) {
       return b.node("AveragePool", {x}, {{"kernel_shape", ints({3, 3})}, {"pads", ints({1, 1, 1, 1})}});
     }},
    {"ReduceMean of places",
     [](Builder& b, ValueId x) {
       return b.node("Sub", {x, b.node("ReduceMean", {x, b.integers({2, 3})})});
     }},
    {"Softmax of channels",
     [](Builder& b, ValueId x) {
       return b.node("Softmax", {x}, {{"axis", int64_t{1}}});
     }},
    {"ConvTranspose",
     [](Builder& b, ValueId x) {
       return b.node("ConvTranspose", {x, b.weight({4, 4, 2, 2})}, {{"strides", ints({2, 2})}});
     }},
    {"an input beside it",
     [](Builder& b, ValueId x) {
       return b.node("Add", {x, b.input("side", {b.symbol("n"), 4, 6, 6})});
     },
     4, 3},
    {"InstanceNormalization",
     [](Builder& b, ValueId x) {
       return b.node("InstanceNormalization", {x, b.weight({4}), b.weight({4})});
     },
     4, 4},
};

TEST(ChannelsLast, BetweenConvolutions) {
  for (const BetweenCase& c : kBetween) {
    SCOPED_TRACE(c.name);
    Builder b;
    const ValueId x = b.conv(b.input("x", {b.symbol("n"), 3, 6, 6}), 3, 4, 3);
    b.output(b.conv(c.make(b, x), c.channels, 5, 3), "y");
    const Model before = b.model;
    EXPECT_GT(apply(b.model, channels_last), 0);
    EXPECT_EQ(transposes(b.model), c.transposes) << graph::to_text(b.model);
    for (const auto& node : b.model.main().nodes)
      if (node.is("Conv")) EXPECT_EQ(node.attributes.get_int("channels_last", 0), 1);
    expect_same(before, b.model, {{"n", 2}});
    EXPECT_EQ(apply(b.model, channels_last), 0);
  }
}

// How a network may end: x is [n, 4, 6, 6].
struct EndCase {
  const char* name;
  std::vector<ValueId> (*make)(Builder&, ValueId x);
  int transposes;
};
ValueId pooled(Builder& b, ValueId x) { return b.node("GlobalAveragePool", {x}); }
const EndCase kEnds[] = {
    {"pool and Flatten", [](Builder& b, ValueId x) { return std::vector{b.linear(b.node("Flatten", {pooled(b, x)}), 4, 3)}; }, 1},
    {"pool and Reshape",
     [](Builder& b, ValueId x) {
       return std::vector{b.linear(b.node("Reshape", {pooled(b, x), b.integers({-1, 4})}), 4, 3)};
     },
     1},
    {"pool and Squeeze",
     [](Builder& b, ValueId x) {
       return std::vector{b.linear(b.node("Squeeze", {pooled(b, x), b.integers({2, 3})}), 4, 3)};
     },
     1},
    {"mean of places",
     [](Builder& b, ValueId x) {
       return std::vector{b.linear(b.node("ReduceMean", {x, b.integers({2, -1})}, {{"keepdims", int64_t{0}}}), 4, 3)};
     },
     1},
    {"maximum of channels",
     [](Builder& b, ValueId x) {
       return std::vector{b.node("ReduceMax", {x, b.integers({1})}, {{"keepdims", int64_t{0}}})};
     },
     1},
    {"Flatten and Dense",
     [](Builder& b, ValueId x) {
       return std::vector{b.node("tercel.Dense", {b.node("Flatten", {x}), b.weight({144, 3}), b.weight({3})})};
     },
     1},
    {"Reshape and Gemm",
     [](Builder& b, ValueId x) {
       return std::vector{
           b.node("Gemm", {b.node("Reshape", {x, b.integers({0, -1})}), b.weight({3, 144})}, {{"transB", int64_t{1}}})};
     },
     1},
    {"Flatten with two readers",
     [](Builder& b, ValueId x) {
       const ValueId flat = b.node("Flatten", {x});
       return std::vector{b.node("tercel.Dense", {flat, b.weight({144, 3})}),
                          b.node("tercel.Dense", {flat, b.weight({2, 144})}, {{"transB", int64_t{1}}})};
     },
     1},
    {"Flatten that is an output",
     [](Builder& b, ValueId x) {
       const ValueId flat = b.node("Flatten", {x});
       return std::vector{b.node("tercel.Dense", {flat, b.weight({144, 3})}), flat};
     },
     2},
    {"patches of a vision transformer",
     [](Builder& b, ValueId x) {
       return std::vector{
           b.linear(b.node("Transpose", {b.node("Reshape", {x, b.integers({0, 4, -1})})}, {{"perm", ints({0, 2, 1})}}), 4, 3)};
     },
     1},
    {"another permutation",
     [](Builder& b, ValueId x) {
       return std::vector{b.node("Transpose", {x}, {{"perm", ints({3, 0, 1, 2})}})};
     },
     2},
    {"two outputs",
     [](Builder& b, ValueId x) {
       return std::vector{x, b.node("Relu", {x})};
     },
     3},
    {"MaxPool with indices",
     [](Builder& b, ValueId x) {
       return b.nodes("MaxPool", {x}, 2, {{"kernel_shape", ints({2, 2})}});
     },
     2},
    {"column softmax", [](Builder& b, ValueId x) { return std::vector{b.node("Softmax", {x})}; }, 2},
};

TEST(ChannelsLast, EndsOfANetwork) {
  for (const EndCase& c : kEnds) {
    SCOPED_TRACE(c.name);
    Builder b;
    const auto outputs = c.make(b, b.conv(b.input("x", {b.symbol("n"), 3, 6, 6}), 3, 4, 3));
    for (size_t i = 0; i < outputs.size(); ++i) b.output(outputs[i], "y" + std::to_string(i));
    const Model before = b.model;
    EXPECT_GT(apply(b.model, channels_last), 0);
    EXPECT_EQ(transposes(b.model), c.transposes) << graph::to_text(b.model);
    expect_same(before, b.model, {{"n", 2}});
  }
}

ValueId to_first(Builder& b, ValueId x) { return b.node("Transpose", {x}, {{"perm", ints({0, 3, 1, 2})}}); }
ValueId to_last(Builder& b, ValueId x) { return b.node("Transpose", {x}, {{"perm", ints({0, 2, 3, 1})}}); }

TEST(ChannelsLast, TransposesOfATensorFlowModelCancel) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("n"), 8, 8, 3});
  ValueId y = b.node("Relu", {b.node("Add", {to_last(b, b.conv(to_first(b, x), 3, 4, 3)), b.weight({4})})});
  y = b.node("Pad", {y, b.integers({0, 1, 0, 0, 0, 0, 1, 0})});
  const ValueId z = to_last(b, b.node("MaxPool", {b.conv(to_first(b, y), 4, 4, 3)}, {{"kernel_shape", ints({2, 2})}}));
  b.output(b.node("ReduceMean", {z, b.integers({1, 2})}, {{"keepdims", int64_t{0}}}), "mean");
  b.output(z, "z");
  const Model before = b.model;
  apply(b.model, channels_last);
  apply(b.model, remove_identities);
  EXPECT_EQ(transposes(b.model), 0) << graph::to_text(b.model);
  expect_same(before, b.model, {{"n", 2}});
}

TEST(ChannelsLast, OneDimensionalConvolutions) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("n"), b.symbol("time"), 6});
  const auto turn = [&](ValueId v) { return b.node("Transpose", {v}, {{"perm", ints({0, 2, 1})}}); };
  const ValueId first = b.node("Conv", {turn(x), b.weight({8, 6, 3})}, {{"pads", ints({1, 1})}});
  const ValueId second =
      b.node("Conv", {b.node("Relu", {first}), b.weight({8, 1, 3})}, {{"pads", ints({1, 1})}, {"group", int64_t{8}}});
  b.output(turn(second), "y");
  const Model before = b.model;
  apply(b.model, channels_last);
  apply(b.model, remove_identities);
  EXPECT_EQ(transposes(b.model), 0) << graph::to_text(b.model);
  expect_same(before, b.model, {{"n", 2}, {"time", 5}});
}

TEST(ChannelsLast, ATransposeThatMovesOnlyOnesIsAReshape) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("n"), 1, 6, 6});
  b.output(pooled(b, b.conv(x, 1, 4, 3)), "y");
  const Model before = b.model;
  apply(b.model, channels_last);
  EXPECT_EQ(transposes(b.model), 0);
  EXPECT_EQ(count(b.model, "Reshape"), 2);
  expect_same(before, b.model, {{"n", 2}});
}

TEST(ChannelsLast, ModelsWithoutConvolutionsStay) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("n"), 4, 6, 6});
  b.output(b.node("MaxPool", {b.node("Relu", {to_first(b, to_last(b, x))})}, {{"kernel_shape", ints({2, 2})}}), "y");
  EXPECT_EQ(apply(b.model, channels_last), 0);
}

TEST(ChannelsLast, UnknownExtentsAndAResidualConv) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("n"), 3, b.symbol("h"), b.symbol("w")});
  const ValueId left = b.conv(x, 3, 4, 3, {{"strides", ints({2, 2})}}), right = b.conv(x, 3, 4, 1, {{"strides", ints({2, 2})}});
  b.output(b.conv(b.node("Relu", {b.node("Add", {left, right})}), 4, 4, 3), "y");
  const Model before = b.model;
  apply(b.model, channels_last);
  EXPECT_EQ(transposes(b.model), 2);
  expect_same(before, b.model, {{"n", 2}, {"h", 7}, {"w", 5}});
}

TEST(FoldPads, IntoTheConvolutionInBothLayouts) {
  struct Case {
    const char* name;
    std::vector<int64_t> pads;
    float value;
    const char* automatic;
    bool folds;
  };  // pads: N, C, H, W
  const Case cases[] = {{"plain", {0, 0, 1, 2, 0, 0, 3, 0}, 0, "NOTSET", true},
                        {"valid", {0, 0, 1, 1, 0, 0, 1, 1}, 0, "VALID", true},
                        {"same", {0, 0, 1, 1, 0, 0, 1, 1}, 0, "SAME_UPPER", false},
                        {"not zeros", {0, 0, 1, 1, 0, 0, 1, 1}, 1, "NOTSET", false},
                        {"crops", {0, 0, -1, 1, 0, 0, 1, 1}, 0, "NOTSET", false},
                        {"pads the batch", {1, 0, 0, 0, 0, 0, 0, 0}, 0, "NOTSET", false}};
  for (const Case& c : cases) {
    for (const bool last : {false, true}) {
      SCOPED_TRACE(std::string(c.name) + (last ? " channels last" : ""));
      Builder b;
      const auto& p = c.pads;
      const std::vector<int64_t> pads = last ? ints({p[0], p[2], p[3], p[1], p[4], p[6], p[7], p[5]}) : p;
      const ValueId pad =
          b.node("Pad", {b.input("x", last ? Shape{2, 6, 6, 3} : Shape{2, 3, 6, 6}), b.integers(pads), b.scalar(c.value)});
      b.output(b.node("Conv", {last ? to_first(b, pad) : pad, b.weight({4, 3, 3, 3})}, {{"auto_pad", std::string(c.automatic)}}),
               "y");
      const Model before = b.model;
      EXPECT_EQ(apply(b.model, fold_pads), c.folds ? 1 : 0);
      EXPECT_EQ(count(b.model, "Pad"), c.folds ? 0 : 1);
      expect_same(before, b.model);
    }
  }
}

}  // namespace
}  // namespace tercel::passes::testing
