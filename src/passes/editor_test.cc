#include "passes/editor.h"

#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

TEST(Editor, EraseSweepsProducersThatNobodyReads) {
  Builder b;
  const ValueId x = b.input("x", {2});
  const ValueId y = b.node("Relu", {x});
  const ValueId dead = b.node("Neg", {b.node("Abs", {y})});
  b.output(y, "y");
  {
    Editor e(b.model.main());
    e.erase(e.producer(dead));
  }
  EXPECT_EQ(b.model.main().nodes.size(), 1u);
  EXPECT_EQ(count(b.model, "Relu"), 1);
}

TEST(Editor, NodesAddedInAnyOrderAreSorted) {
  Builder b;
  const ValueId x = b.input("x", {2});
  const ValueId y = b.node("Relu", {x});
  b.output(y, "y");
  {
    Editor e(b.model.main());
    const ValueId last = e.add_value("last", {});
    const ValueId first = e.add_value("first", {});
    e.add({ops::find_op("Neg"), "n", {}, {first}, {last}});
    e.add({ops::find_op("Abs"), "n", {}, {x}, {first}});
    e.replace(e.producer(y), {ops::find_op("Relu"), "Relu0", {}, {last}, {y}});
  }
  ASSERT_TRUE(graph::infer_shapes(b.model));
  const auto verified = graph::verify(b.model);
  EXPECT_TRUE(verified) << verified.error().message();
  EXPECT_EQ(b.model.main().nodes[0].name, "n_1");
  EXPECT_EQ(b.model.main().nodes[2].name, "Relu0");
}

TEST(Editor, BypassKeepsTheNamesOfGraphOutputs) {
  Builder b;
  const ValueId x = b.input("x", {2});
  const ValueId y = b.node("Relu", {x});
  const ValueId z = b.node("Identity", {y});
  const ValueId w = b.node("Neg", {y});
  b.output(z, "z");
  b.output(w, "w");
  {
    Editor e(b.model.main());
    EXPECT_TRUE(e.bypass(e.producer(z)));
  }
  EXPECT_EQ(output_names(b.model), (std::vector<std::string>{"z", "w"}));
  EXPECT_EQ(producer(b.model, z).op->name, "Relu");
  EXPECT_EQ(producer(b.model, w).inputs[0], z);
}

TEST(Editor, BypassLeavesAnOutputThatIsAnInputOrAnotherOutput) {
  Builder b;
  const ValueId x = b.input("x", {2});
  const ValueId y = b.node("Relu", {x});
  const ValueId copy = b.node("Identity", {y}), same = b.node("Identity", {x});
  b.output(y, "y");
  b.output(copy, "copy");
  b.output(same, "same");
  Editor e(b.model.main());
  EXPECT_FALSE(e.bypass(e.producer(copy)));
  EXPECT_FALSE(e.bypass(e.producer(same)));
}

}  // namespace
}  // namespace tercel::passes::testing
