#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "onnx/operators.h"
#include "onnx/testing_model.h"

namespace tercel::onnx::testing {
namespace {

// One node of an older opset from x [2, 3, 4] to y, and the lines that the import makes of it.
struct Upgrade {
  const char* name;
  int64_t opset;
  std::string node;
  std::string wanted;  // nodes only, in the notation of graph::to_text without types and names
};

// "y = Relu(x) axis=1" for each node; constants are written as their contents.
std::string nodes_of(const graph::Model& model) {
  const graph::Graph& graph = model.main();
  const auto name = [&](ValueId id) -> std::string {
    if (id == kNoValue) return "-";
    const graph::Value& value = graph.value(id);
    if (!value.constant || value.constant->elements() > 8) return value.name;
    std::string text = "{";
    for (int64_t i = 0; i < value.constant->elements(); ++i) {
      char number[32];
      std::snprintf(number, sizeof number, "%s%g", i ? " " : "", element_as_double(value.type.dtype, value.constant->data(), i));
      text += number;
    }
    return text + "}";
  };
  std::string text;
  for (const graph::Node& node : graph.nodes) {
    for (size_t i = 0; i < node.outputs.size(); ++i) text += (i ? ", " : "") + name(node.outputs[i]);
    text += " = " + std::string(node.op->name) + "(";
    for (size_t i = 0; i < node.inputs.size(); ++i) text += (i ? ", " : "") + name(node.inputs[i]);
    text += ")";
    for (const auto& [key, value] : node.attributes.entries()) {
      text += " " + key + "=";
      if (const auto* number = std::get_if<int64_t>(&value)) text += std::to_string(*number);
      else if (const auto* word = std::get_if<std::string>(&value)) text += *word;
      else text += "...";
    }
    text += "\n";
  }
  return text;
}

std::string ints_attribute(std::string_view name, std::vector<int64_t> values) { return attribute(name, values); }

TEST(Adapt, OlderFormsBecomeTheNewestOne) {
  const Upgrade kUpgrades[] = {
      {"reduce", 11, node("ReduceSum", {"x"}, {"y"}, {ints_attribute("axes", {1}), attribute("keepdims", int64_t{0})}),
       "y = ReduceSum(x, {1}) keepdims=0\n"},
      {"squeeze", 11, node("Unsqueeze", {"x"}, {"y"}, {ints_attribute("axes", {0, 2})}), "y = Unsqueeze(x, {0 2})\n"},
      {"split", 11, node("Split", {"x"}, {"y", "z"}, {ints_attribute("split", {1, 2}), attribute("axis", int64_t{1})}),
       "y, z = Split(x, {1 2}) axis=1\n"},
      {"split evenly", 11, node("Split", {"x"}, {"y", "z"}), "y, z = Split(x) num_outputs=2\n"},
      {"slice", 9, node("Slice", {"x"}, {"y"}, {ints_attribute("starts", {0}), ints_attribute("ends", {1})}),
       "y = Slice(x, {0}, {1})\n"},
      {"pad", 9, node("Pad", {"x"}, {"y"}, {ints_attribute("pads", {0, 0, 0, 1, 1, 1}), attribute("value", 2.0f)}),
       "y = Pad(x, {0 0 0 1 1 1}, {2})\n"},
      {"topk", 9, node("TopK", {"x"}, {"y", "z"}, {attribute("k", int64_t{2})}), "y, z = TopK(x, {2})\n"},
      {"clip", 9, node("Clip", {"x"}, {"y"}, {attribute("max", 6.0f)}), "y = Clip(x, -, {6})\n"},
      {"dropout", 9, node("Dropout", {"x"}, {"y"}, {attribute("ratio", 0.5f)}), "y = Identity(x)\n"},
      {"dropout mask", 12, node("Dropout", {"x"}, {"y", "mask"}),
       "y = Identity(x)\ny/Shape0 = Shape(x)\nmask = ConstantOfShape(y/Shape0) value=...\n"},
      {"softmax over the last axis", 11, node("Softmax", {"x"}, {"y"}, {attribute("axis", int64_t{2})}),
       "y = Softmax(x) axis=-1\n"},
      {"softmax over two axes", 11, node("Softmax", {"x"}, {"y"}),
       "y/Flatten0 = Flatten(x) axis=1\ny/Softmax1 = Softmax(y/Flatten0) axis=-1\ny/Shape2 = Shape(x)\n"
       "y = Reshape(y/Softmax1, y/Shape2) allowzero=1\n"},
      {"softmax today", 13, node("Softmax", {"x"}, {"y"}, {attribute("axis", int64_t{1})}), "y = Softmax(x) axis=1\n"},
      {"scatter", 9, node("Scatter", {"x", "i", "u"}, {"y"}), "y = ScatterElements(x, i, u)\n"},
      {"fast gelu", 20, node("FastGelu", {"x"}, {"y"}, {}, "com.microsoft"), "y = Gelu(x) approximate=tanh\n"},
      {"quick gelu", 20, node("QuickGelu", {"x"}, {"y"}, {}, "com.microsoft"), "y = Swish(x) alpha=...\n"},
      {"distances", 20, node("CDist", {"m", "m"}, {"y"}, {}, "com.microsoft"), "y = CDist(m, m)\n"},
      {"skip layer normalization", 20, node("SkipLayerNormalization", {"x", "x", "s"}, {"y", "", "", "sum"}, {}, "com.microsoft"),
       "y/Add0 = Add(x, x)\nsum = Identity(y/Add0)\ny = LayerNormalization(y/Add0, {1 1 1 1}) axis=-1 epsilon=...\n"},
  };
  for (const Upgrade& upgrade : kUpgrades) {
    const auto model =
        import_text(onnx::testing::model(graph({.nodes = {upgrade.node},
                                                .initializers = {floats("s", {4}, {1, 1, 1, 1})},
                                                .inputs = {value_info("x", kFloat, {2, 3, 4}), value_info("i", kInt64, {1, 1, 1}),
                                                           value_info("m", kFloat, {2, 4}), value_info("u", kFloat, {1, 1, 1})},
                                                .outputs = {bare_value_info("y")}}),
                                         upgrade.opset));
    ASSERT_TRUE(model.ok()) << upgrade.name << ": " << model.error().message();
    EXPECT_EQ(nodes_of(*model), upgrade.wanted) << upgrade.name;
  }
}

TEST(Operators, TableAnswers) {
  EXPECT_TRUE(find_operator("", "Conv"));
  EXPECT_TRUE(find_operator("ai.onnx", "Conv"));
  EXPECT_FALSE(find_operator("", "conv"));
  EXPECT_FALSE(find_operator("nowhere", "Conv"));
  EXPECT_TRUE(has_word("axes axis", "axis"));
  EXPECT_FALSE(has_word("axes axis", "axi"));
  EXPECT_FALSE(has_word("axes axis", ""));
}

// Every attribute that a line of the table lists has a type.
TEST(Operators, ListedAttributesHaveTypes) {
  for (std::string_view domain : {"", "com.microsoft"}) {
    for (const Operator& op : operators_of(domain)) {
      std::string_view rest = op.attributes;
      while (!rest.empty()) {
        const std::string_view word = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        int fitting = 0;
        for (int64_t type = 1; type <= 14; ++type) fitting += check_attribute_type(word, static_cast<AttributeType>(type)).ok();
        EXPECT_GE(fitting, 1) << op.name << " " << word;
      }
    }
  }
}

}  // namespace
}  // namespace tercel::onnx::testing
