#include "onnx/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "onnx/testing_model.h"
#include "onnx/testing_samples.h"

namespace tercel::onnx::testing {
namespace {

using graph::ValueId;
using ::testing::HasSubstr;

std::string type_text(const graph::Model& model, ValueId id) { return model.text(model.main().value(id).type.shape); }

std::vector<std::string> op_names(const graph::Graph& graph) {
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes) names.emplace_back(node.op->name);
  return names;
}

TEST(Import, SamplesAreSound) {
  for (const auto& [name, bytes] : sample_models()) {
    const auto model = import_text(bytes);
    ASSERT_TRUE(model.ok()) << name << ": " << model.error().message();
    EXPECT_TRUE(graph::verify(*model).ok()) << name;
    for (ValueId id : model->main().outputs) EXPECT_TRUE(model->main().value(id).has_type) << name;
  }
}

TEST(Import, KeepsNamesTypesAndSymbols) {
  const graph::Model model = import_text(sample_models()[0].second).take();
  EXPECT_EQ(model.producer, "tercel tests");
  EXPECT_EQ(model.symbols, std::vector<std::string>{"batch"});
  EXPECT_EQ(model.main().value(model.main().inputs[0]).name, "x");
  EXPECT_EQ(type_text(model, model.main().inputs[0]), "batchx3");
  EXPECT_EQ(type_text(model, model.main().outputs[0]), "batchx2");
  EXPECT_EQ(op_names(model.main()), (std::vector<std::string>{"MatMul", "Add", "Relu", "Softmax"}));
}

TEST(Import, RawWeightsAreViewsOfTheFile) {
  const auto owner = std::make_shared<const std::string>(sample_models()[0].second);
  const graph::Model model = import_bytes(std::as_bytes(std::span(*owner)), owner).take();
  int views = 0;
  for (const graph::Value& value : model.main().values) {
    if (!value.constant) continue;
    const auto* data = static_cast<const char*>(value.constant->data());
    views += data >= owner->data() && data + value.constant->bytes() <= owner->data() + owner->size();
  }
  EXPECT_EQ(views, 2);
  EXPECT_EQ(owner.use_count(), 3) << "each view keeps the file alive";
}

TEST(Import, ShapeArithmeticKeepsTheBatchSymbol) {
  const graph::Model model = import_text(sample_models()[2].second).take();
  EXPECT_EQ(type_text(model, model.main().outputs[0]), "batchx6");
}

TEST(Import, UnnamedExtentsAreSymbolsOfTheirOwn) {
  const graph::Model model = import_text(onnx::testing::model(graph({.nodes = {node("Relu", {"x"}, {"y"})},
                                                                     .inputs = {value_info("x", kFloat, {-1, "?", "n"})},
                                                                     .outputs = {value_info("y", kFloat, {-1, "?", "n"})}})))
                                 .take();
  EXPECT_EQ(type_text(model, model.main().outputs[0]), "x.0xx.1xn");
}

TEST(Import, InitializersThatAreInputsAreConstants) {
  const graph::Model model =
      import_text(onnx::testing::model(graph({.nodes = {node("Add", {"x", "w"}, {"y"})},
                                              .initializers = {floats("w", {2}, {1, 2})},
                                              .inputs = {value_info("x", kFloat, {2}), value_info("w", kFloat, {2})},
                                              .outputs = {value_info("y", kFloat, {2})}})))
          .take();
  EXPECT_EQ(model.main().inputs.size(), 1u);
}

TEST(Import, NamesOfNodesAreMadeUnique) {
  const graph::Model model =
      import_text(onnx::testing::model(graph({.nodes = {node("Relu", {"x"}, {"a"}, {}, "", "same"),
                                                        node("Relu", {"a"}, {"b"}, {}, "", "same"), node("Relu", {"b"}, {"y"})},
                                              .inputs = {value_info("x", kFloat, {2})},
                                              .outputs = {value_info("y", kFloat, {2})}})))
          .take();
  EXPECT_TRUE(graph::verify(model).ok());
  EXPECT_EQ(model.main().nodes[0].name, "same");
  EXPECT_EQ(model.main().nodes[2].name, "y");
}

TEST(Import, AllFormsOfConstant) {
  const struct {
    std::string attribute;
    DType dtype;
    std::string shape;
  } kCases[] = {
      {attribute("value_float", 1.5f), DType::kFloat32, "scalar"},
      {attribute("value_int", int64_t{7}), DType::kInt64, "scalar"},
      {attribute("value_floats", std::vector<float>{1, 2}), DType::kFloat32, "2"},
      {attribute("value_ints", std::vector<int64_t>{1, 2, 3}), DType::kInt64, "3"},
      {tensor_attribute("value", raw_tensor("", kUint8, {2, 2}, "abcd")), DType::kUint8, "2x2"},
  };
  for (const auto& test : kCases) {
    const auto model = import_text(onnx::testing::model(
        graph({.nodes = {node("Constant", {}, {"c"}, {test.attribute})}, .outputs = {value_info("c", kFloat, {})}})));
    ASSERT_TRUE(model.ok()) << model.error().message();
    const Tensor* tensor = model->main().constant(model->main().outputs[0]);
    ASSERT_TRUE(tensor);
    EXPECT_EQ(tensor->dtype(), test.dtype);
    EXPECT_EQ(to_string(tensor->shape()), test.shape);
  }
}

TEST(Import, FilesAreNamedInErrors) {
  const std::string path = ::testing::TempDir() + "tercel_broken_" + std::to_string(::getpid()) + ".onnx";
  std::ofstream(path) << "hello";
  const auto model = import_file(path);
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.error().message(), HasSubstr(path));
  std::filesystem::remove(path);
  EXPECT_EQ(import_file(path).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(import_file(::testing::TempDir()).error().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace tercel::onnx::testing
