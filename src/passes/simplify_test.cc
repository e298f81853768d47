// remove-identities, remove-dead, merge-duplicates and finish.
#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

struct IdentityCase {
  const char* name;
  ValueId (*make)(Builder&, ValueId x);  // x is float32 [batch, 4]
  bool goes;
};

const IdentityCase kIdentities[] = {
    {"identity", [](Builder& b, ValueId x) { return b.node("Identity", {x}); }, true},
    {"dropout",
     [](Builder& b, ValueId x) {
       return b.node("Dropout", {x, b.scalar(0.5f)});
     },
     true},
    {"cast to the same type",
     [](Builder& b, ValueId x) {
       return b.node("Cast", {x}, {{"to", int64_t{1}}});
     },
     true},
    {"transpose in order",
     [](Builder& b, ValueId x) {
       return b.node("Transpose", {x}, {{"perm", ints({0, 1})}});
     },
     true},
    {"reshape to itself",
     [](Builder& b, ValueId x) {
       return b.node("Reshape", {x, b.integers({0, 4})});
     },
     true},
    {"reshape by the rest",
     [](Builder& b, ValueId x) {
       return b.node("Reshape", {x, b.integers({-1, 4})});
     },
     true},
    {"reshape to another shape",
     [](Builder& b, ValueId x) {
       return b.node("Reshape", {x, b.integers({-1, 2})});
     },
     false},
    {"pad by zero",
     [](Builder& b, ValueId x) {
       return b.node("Pad", {x, b.integers({0, 0, 0, 0})});
     },
     true},
    {"pad and crop",
     [](Builder& b, ValueId x) {
       return b.node("Pad", {x, b.integers({0, 1, 0, -1})});
     },
     false},
    {"slice of all",
     [](Builder& b, ValueId x) {
       return b.node("Slice", {x, b.integers({0}), b.integers({100}), b.integers({1})});
     },
     true},
    {"slice of a part",
     [](Builder& b, ValueId x) {
       return b.node("Slice", {x, b.integers({1}), b.integers({100}), b.integers({1})});
     },
     false},
    {"slice backwards",
     [](Builder& b, ValueId x) {
       return b.node("Slice", {x, b.integers({-1}), b.integers({-100}), b.integers({1}), b.integers({-1})});
     },
     false},
    {"concat of one",
     [](Builder& b, ValueId x) {
       return b.node("Concat", {x}, {{"axis", int64_t{0}}});
     },
     true},
    {"times one",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {b.floats({4}, {1, 1, 1, 1}), x});
     },
     true},
    {"times one that broadcasts",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {x, b.floats({1, 1, 1}, {1})});
     },
     false},
    {"times almost one",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {x, b.scalar(1.0001f)});
     },
     false},
    {"plus zero",
     [](Builder& b, ValueId x) {
       return b.node("Add", {x, b.scalar(0)});
     },
     true},
    {"minus zero",
     [](Builder& b, ValueId x) {
       return b.node("Sub", {x, b.scalar(0)});
     },
     true},
    {"zero minus",
     [](Builder& b, ValueId x) {
       return b.node("Sub", {b.scalar(0), x});
     },
     false},
    {"over one",
     [](Builder& b, ValueId x) {
       return b.node("Div", {x, b.scalar(1)});
     },
     true},
    {"one over",
     [](Builder& b, ValueId x) {
       return b.node("Div", {b.scalar(1), x});
     },
     false},
    {"expand to itself",
     [](Builder& b, ValueId x) {
       return b.node("Expand", {x, b.integers({1, 4})});
     },
     true},
    {"expand to more",
     [](Builder& b, ValueId x) {
       return b.node("Expand", {x, b.integers({3, 1, 4})});
     },
     false},
    {"tile once",
     [](Builder& b, ValueId x) {
       return b.node("Tile", {x, b.integers({1, 1})});
     },
     true},
    {"clip without bounds", [](Builder& b, ValueId x) { return b.node("Clip", {x}); }, true},
    {"sum of one", [](Builder& b, ValueId x) { return b.node("Sum", {x}); }, true},
};

TEST(RemoveIdentities, RemovesWhatDoesNothingAndNothingElse) {
  for (const IdentityCase& c : kIdentities) {
    SCOPED_TRACE(c.name);
    Builder b;
    const ValueId x = b.input("x", {b.symbol("batch"), 4});
    b.output(b.node("Neg", {c.make(b, b.node("Abs", {x}))}), "y");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, remove_identities), c.goes ? 1 : 0);
    EXPECT_EQ(b.model.main().nodes.size(), c.goes ? 2u : 3u);
    expect_same(before, b.model, {{"batch", 3}});
    EXPECT_EQ(apply(b.model, remove_identities), 0);
  }
}

TEST(RemoveIdentities, GraphOutputsKeepTheirNames) {
  for (const IdentityCase& c : kIdentities) {
    if (!c.goes) continue;
    SCOPED_TRACE(c.name);
    Builder b;
    const ValueId x = b.input("x", {b.symbol("batch"), 4});
    const ValueId a = b.node("Abs", {x});
    b.output(c.make(b, a), "y");
    b.output(c.make(b, x), "copy of the input");
    b.output(c.make(b, a), "second copy");
    const Model before = b.model;
    apply(b.model, remove_identities);
    EXPECT_EQ(count(b.model, "Identity"), 2);
    EXPECT_EQ(b.model.main().nodes.size(), 3u);
    expect_same(before, b.model, {{"batch", 3}});
    EXPECT_EQ(apply(b.model, remove_identities), 0);
  }
}

TEST(RemoveIdentities, JoinsTransposesAndReshapes) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("batch"), 4, 6});
  const ValueId back = b.node("Transpose", {b.node("Transpose", {x}, {{"perm", ints({0, 2, 1})}})}, {{"perm", ints({0, 2, 1})}});
  const ValueId other = b.node("Transpose", {b.node("Transpose", {x}, {{"perm", ints({1, 0, 2})}})}, {{"perm", ints({2, 1, 0})}});
  const ValueId flat = b.node("Reshape", {b.node("Flatten", {b.node("Abs", {back})}), b.integers({-1, 3, 8})});
  b.output(flat, "flat");
  b.output(other, "other");
  const Model before = b.model;
  apply(b.model, remove_identities);
  EXPECT_EQ(only(b.model, "Transpose").attributes.get_ints("perm")[0], 2);
  EXPECT_EQ(count(b.model, "Flatten"), 0);
  expect_same(before, b.model, {{"batch", 3}});
}

TEST(RemoveDead, CountsTheNodesThatGo) {
  Builder b;
  const ValueId x = b.input("x", {4});
  b.node("Neg", {b.node("Abs", {x})});
  b.output(b.node("Relu", {x}), "y");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, remove_dead), 2);
  expect_same(before, b.model);
}

TEST(MergeDuplicates, ComputesEqualExpressionsOnce) {
  Builder b;
  const ValueId x = b.input("x", {4, 4});
  const auto chain = [&](float factor, const char* op) { return b.node(op, {b.node("Mul", {x, b.scalar(factor)})}); };
  b.output(b.node("Add", {chain(2, "Exp"), chain(2, "Exp")}), "same");
  b.output(b.node("Add", {chain(3, "Exp"), chain(2, "Abs")}), "different");
  const Model before = b.model;
  apply(b.model, merge_duplicates);
  EXPECT_EQ(count(b.model, "Mul"), 2);
  EXPECT_EQ(count(b.model, "Exp"), 2);
  expect_same(before, b.model);
}

TEST(MergeDuplicates, AttributesRandomAndOutputsKeepNodesApart) {
  Builder b;
  const ValueId x = b.input("x", {4, 4});
  b.output(b.node("Softmax", {x}, {{"axis", int64_t{0}}}), "rows");
  b.output(b.node("Softmax", {x}, {{"axis", int64_t{1}}}), "columns");
  b.output(b.node("Relu", {x}), "a");
  b.output(b.node("Relu", {x}), "b");
  const ValueId noise = b.node("RandomNormalLike", {x}), more = b.node("RandomNormalLike", {x});
  b.output(b.node("Sub", {noise, more}), "noise");
  EXPECT_EQ(apply(b.model, merge_duplicates), 0);
}

}  // namespace
}  // namespace tercel::passes::testing
