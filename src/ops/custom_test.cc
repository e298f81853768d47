#include "ops/custom.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tercel::ops {
namespace {

using testing::HasSubstr;

tercel_status say_nothing(const tercel_operator_node*, tercel_error*) { return TERCEL_OK; }
tercel_status do_nothing(void*, const tercel_operator_run*, tercel_error*) { return TERCEL_OK; }

constexpr tercel_operator kGood = {
    sizeof(tercel_operator), "unit.test", "Good", nullptr, 1, 1, 1, 1, say_nothing, nullptr, do_nothing, nullptr};

std::string refusal(const tercel_operator& op) {
  const tercel_operator* const list[] = {&op};
  const auto added = add_custom_operators(list);
  return added.ok() ? "" : added.error().message();
}

template <typename Change>
std::string refusal_after(Change change) {
  tercel_operator op = kGood;
  change(op);
  return refusal(op);
}

TEST(CustomOperators, DescriptionsAreChecked) {
  EXPECT_THAT(refusal_after([](auto& op) { op.struct_size = 8; }), HasSubstr("struct_size of an operator is 8"));
  EXPECT_THAT(refusal_after([](auto& op) { op.domain = nullptr; }), HasSubstr("no proper name"));
  EXPECT_THAT(refusal_after([](auto& op) { op.name = ""; }), HasSubstr("no proper name"));
  EXPECT_THAT(refusal_after([](auto& op) { op.name = "a.b"; }), HasSubstr("no proper name"));
  EXPECT_THAT(refusal_after([](auto& op) { op.name = "a\nb"; }), HasSubstr("no proper name"));
  const std::string longest(kCustomNameMax - 1, 'x');
  EXPECT_THAT(refusal_after([&](auto& op) { op.name = longest.c_str(); }), HasSubstr("over 256 bytes"));
  for (const char* domain : {"ai.onnx", "ai.onnx.ml", "tercel", "tercel.test"})
    EXPECT_THAT(refusal_after([&](auto& op) { op.domain = domain; }), HasSubstr("take one of your own"));
  EXPECT_THAT(refusal_after([](auto& op) { op.inputs_min = -1; }), HasSubstr("no ranges"));
  EXPECT_THAT(refusal_after([](auto& op) { op.inputs_max = 0; }), HasSubstr("no ranges"));
  EXPECT_THAT(refusal_after([](auto& op) { op.outputs_min = 0; }), HasSubstr("no ranges"));
  EXPECT_THAT(refusal_after([](auto& op) { op.outputs_max = 0; }), HasSubstr("no ranges"));
  EXPECT_THAT(refusal_after([](auto& op) { op.infer = nullptr; }), HasSubstr("infer and run"));
  EXPECT_THAT(refusal_after([](auto& op) { op.run = nullptr; }), HasSubstr("infer and run"));
  EXPECT_EQ(find_custom_operator("unit.test", "Good"), nullptr);
}

TEST(CustomOperators, AllOfALibraryAreAddedOrNone) {
  static tercel_operator first = kGood, second = kGood;
  first.name = "First";
  second.name = "Second";
  tercel_operator wrong = second;
  wrong.run = nullptr;
  const tercel_operator* const spoilt[] = {&first, &wrong};
  EXPECT_FALSE(add_custom_operators(spoilt).ok());
  EXPECT_EQ(find_custom_operator("unit.test", "First"), nullptr);
  const tercel_operator* const empty[] = {nullptr};
  EXPECT_FALSE(add_custom_operators(empty).ok());
  const tercel_operator* const good[] = {&first, &second};
  EXPECT_TRUE(add_custom_operators(good).ok());
  EXPECT_EQ(find_custom_operator("unit.test", "First"), &first);
  EXPECT_TRUE(add_custom_operators(good).ok());  // the same again
  tercel_operator other = first;
  EXPECT_THAT(refusal(other), HasSubstr("'unit.test.First' is known already"));
  EXPECT_EQ(find_custom_operator("unit.test", "First"), &first);
  EXPECT_EQ(find_custom_operator("unit", "test.First"), &first);  // one name, wherever it is cut
}

TEST(CustomOperators, TitlesAreTheUsersNames) {
  Attributes attributes;
  EXPECT_EQ(title(*find_op("Relu"), attributes), "Relu");
  EXPECT_EQ(title(*find_op(kCustom), attributes), "tercel.Custom");
  attributes.set(kCustomOperator, std::string("com.example.Biquad"));
  EXPECT_EQ(title(*find_op(kCustom), attributes), "com.example.Biquad");
}

TEST(CustomOperators, SymbolsComeBackAsTheyWent) {
  Attributes attributes;
  CustomNode node(attributes, 1, 2);
  ASSERT_TRUE(node.set_input(0, {DType::kFloat32, {Dim::symbol(3), Dim(5), Dim::unknown()}}, nullptr).ok());
  node.ask_output(0);
  node.ask_output(1);
  const tercel_operator_node view = node.view(1);
  EXPECT_LT(view.inputs[0]->dims[0], 0);
  EXPECT_EQ(view.inputs[0]->dims[2], TERCEL_DIM_UNKNOWN);
  EXPECT_EQ(view.inputs[0]->data, nullptr);
  tercel_tensor& y = *view.outputs[0];
  y.dtype = TERCEL_INT8;
  y.rank = 2;
  y.dims[0] = view.inputs[0]->dims[0];
  y.dims[1] = TERCEL_DIM_UNKNOWN;
  const TensorType told = node.told(0).value();
  EXPECT_EQ(told.dtype, DType::kInt8);
  EXPECT_EQ(told.shape, (Shape{Dim::symbol(3), Dim::unknown()}));
  EXPECT_FALSE(node.told(1).ok());
}

}  // namespace
}  // namespace tercel::ops
