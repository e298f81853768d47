#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "onnx/limits.h"
#include "onnx/testing_model.h"
#include "onnx/testing_samples.h"

namespace tercel::onnx::testing {
namespace {

using ::testing::HasSubstr;

const std::string kX = value_info("x", kFloat, {2, 3});
const std::string kY = value_info("y", kFloat, {2, 3});

std::string relu_model(int64_t opset = 20) {
  return model(graph({.nodes = {node("Relu", {"x"}, {"y"})}, .inputs = {kX}, .outputs = {kY}}), opset);
}

// A model of x -> y with these nodes.
std::string with_nodes(std::vector<std::string> nodes, int64_t opset = 20) {
  return model(graph({.nodes = std::move(nodes), .inputs = {kX}, .outputs = {kY}}), opset);
}

std::string nested_ifs(int depth) {
  std::string inner = graph({.nodes = {node("Relu", {"x"}, {"v"})}, .outputs = {bare_value_info("v")}});
  for (int i = 0; i < depth; ++i)
    inner = graph({.nodes = {node("If", {"c"}, {"v" + std::to_string(i)},
                                  {graph_attribute("then_branch", inner), graph_attribute("else_branch", inner)})},
                   .outputs = {bare_value_info("v" + std::to_string(i))}});
  return model(
      graph({.nodes = {node("If", {"c"}, {"y"}, {graph_attribute("then_branch", inner), graph_attribute("else_branch", inner)})},
             .inputs = {kX, value_info("c", kBool, {})},
             .outputs = {kY}}));
}

// Functions f0 ... fn, each of which calls the next one twice.
std::string function_bomb(int levels) {
  std::vector<std::string> functions;
  for (int i = 0; i < levels; ++i) {
    const std::string next = i + 1 < levels ? "f" + std::to_string(i + 1) : "Relu", domain = i + 1 < levels ? "local" : "";
    functions.push_back(function({.name = "f" + std::to_string(i),
                                  .inputs = {"a"},
                                  .outputs = {"b"},
                                  .nodes = {node(next, {"a"}, {"t"}, {}, domain), node(next, {"t"}, {"b"}, {}, domain)}}));
  }
  return model(graph({.nodes = {node("f0", {"x"}, {"y"}, {}, "local")}, .inputs = {kX}, .outputs = {kY}}), 20, functions);
}

std::string self_call() {
  return model(graph({.nodes = {node("f", {"x"}, {"y"}, {}, "local")}, .inputs = {kX}, .outputs = {kY}}), 20,
               {function({.name = "f", .inputs = {"a"}, .outputs = {"b"}, .nodes = {node("f", {"a"}, {"b"}, {}, "local")}})});
}

struct Refusal {
  const char* words;  // of the message
  ErrorCode code;
  std::string bytes;
};

void expect_refusals(const std::vector<Refusal>& cases) {
  for (const Refusal& test : cases) {
    const auto result = import_text(test.bytes);
    ASSERT_FALSE(result.ok()) << "wanted: " << test.words;
    EXPECT_THAT(result.error().message(), HasSubstr(test.words));
    EXPECT_EQ(result.error().code(), test.code) << result.error().message();
  }
}

TEST(Refusal, FilesThatAreNoModels) {
  const std::string good = relu_model();
  expect_refusals({
      {"the file is empty", ErrorCode::kInvalid, ""},
      {"not an ONNX model", ErrorCode::kInvalid, "#!/bin/sh\necho hello\n"},
      {"not an ONNX model", ErrorCode::kInvalid, std::string(1000, '\0')},
      {"cut short", ErrorCode::kInvalid, good.substr(0, good.size() / 2)},
      // A length of 3 GB in a file of a few bytes: refused before anything is allocated.
      {"not an ONNX model", ErrorCode::kInvalid, std::string("\x3a\x80\x80\x80\xe0\x0b", 6) + std::string(1000, 'x')},
      {"holds no graph", ErrorCode::kInvalid, std::string("\x08\x08", 2)},
  });
}

TEST(Refusal, Versions) {
  expect_refusals({
      {"opset 6, Tercel reads 7 to 27", ErrorCode::kUnsupported, relu_model(6)},
      {"opset 28, Tercel reads 7 to 27", ErrorCode::kUnsupported, relu_model(28)},
      {"exists since opset 20", ErrorCode::kInvalid, with_nodes({node("Gelu", {"x"}, {"y"})}, 19)},
      {"Scan of opset 8", ErrorCode::kUnsupported, with_nodes({node("Scan", {"x"}, {"y"})}, 8)},
  });
}

TEST(Refusal, Graphs) {
  expect_refusals({
      {"has a cycle", ErrorCode::kInvalid,
       with_nodes({node("Add", {"x", "b"}, {"a"}), node("Relu", {"a"}, {"b"}), node("Relu", {"b"}, {"y"})})},
      {"has a cycle", ErrorCode::kInvalid, with_nodes({node("Add", {"x", "y"}, {"y"})})},
      {"'missing' is made by no node", ErrorCode::kInvalid, with_nodes({node("Add", {"x", "missing"}, {"y"})})},
      {"'y' is defined twice", ErrorCode::kInvalid, with_nodes({node("Relu", {"x"}, {"y"}), node("Relu", {"x"}, {"y"})})},
      {"'x' is defined twice", ErrorCode::kInvalid, with_nodes({node("Relu", {"x"}, {"x"})})},
      {"output 'y'", ErrorCode::kInvalid, with_nodes({node("Relu", {"x"}, {"z"})})},
      {"has 2 inputs, the operator has 1", ErrorCode::kInvalid, with_nodes({node("Relu", {"x", "x"}, {"y"})})},
      {"input 0 is missing", ErrorCode::kInvalid, with_nodes({node("Add", {"", "x"}, {"y"})})},
      {"has no outputs", ErrorCode::kInvalid, model(graph({.inputs = {kX}}))},
      {"input 'x': it is listed twice", ErrorCode::kInvalid, model(graph({.inputs = {kX, kX}, .outputs = {kX}}))},
      {"input 'x': it has no type", ErrorCode::kInvalid, model(graph({.inputs = {bare_value_info("x")}, .outputs = {kX}}))},
      {"initializer 'w': it is defined twice", ErrorCode::kInvalid,
       model(graph({.initializers = {floats("w", {1}, {1}), floats("w", {1}, {1})}, .outputs = {kY}}))},
  });
}

TEST(Refusal, TypesAndOperators) {
  expect_refusals({
      {"type string is not computed with", ErrorCode::kUnsupported,
       model(graph({.inputs = {value_info("x", kString, {1})}, .outputs = {kX}}))},
      {"type float8e4m3fn", ErrorCode::kUnsupported, with_nodes({node("Cast", {"x"}, {"y"}, {attribute("to", int64_t{17})})})},
      {"sequences are not computed with", ErrorCode::kUnsupported, with_nodes({node("SequenceConstruct", {"x"}, {"y"})})},
      {"options={'zipmap': False}", ErrorCode::kUnsupported, with_nodes({node("ZipMap", {"x"}, {"y"}, {}, "ai.onnx.ml")})},
      {"'my.domain' is unknown", ErrorCode::kUnsupported, with_nodes({node("Foo", {"x"}, {"y"}, {}, "my.domain")})},
      {"no such operator", ErrorCode::kUnsupported, with_nodes({node("Rleu", {"x"}, {"y"})})},
      {"training mode", ErrorCode::kUnsupported,
       with_nodes({node("BatchNormalization", {"x", "x", "x", "x", "x"}, {"y"}, {attribute("training_mode", int64_t{1})})})},
      {"'foo' is not one of this operator's", ErrorCode::kInvalid,
       with_nodes({node("Relu", {"x"}, {"y"}, {attribute("foo", int64_t{1})})})},
      {"'axis' must be an int, the file has a float", ErrorCode::kInvalid,
       with_nodes({node("Softmax", {"x"}, {"y"}, {attribute("axis", 1.0f)})})},
      {"outside of a function", ErrorCode::kInvalid,
       with_nodes({node("Softmax", {"x"}, {"y"}, {reference("axis", "axis", AttributeType::kInt)})})},
  });
}

TEST(Refusal, Tensors) {
  const auto with = [](const std::string& tensor) {
    return model(graph({.nodes = {node("Add", {"x", "w"}, {"y"})}, .initializers = {tensor}, .inputs = {kX}, .outputs = {kY}}));
  };
  expect_refusals({
      {"needs 24 bytes of float32, the file has 4", ErrorCode::kInvalid, with(raw_tensor("w", kFloat, {2, 3}, "1234"))},
      {"has more than", ErrorCode::kLimit, with(raw_tensor("w", kFloat, {int64_t{1} << 40, 1 << 20}, "1234"))},
      {"negative extent", ErrorCode::kInvalid, with(raw_tensor("w", kFloat, {-4}, "1234"))},
      {"axes of a tensor are more than 8", ErrorCode::kLimit, with(raw_tensor("w", kFloat, std::vector<int64_t>(9, 1), "1234"))},
      {"needs 1000000 elements, the file has fewer", ErrorCode::kInvalid, with(ints("w", {1000000}, {1}))},
      {"needs 3 elements, the file has 4", ErrorCode::kInvalid, with(ints("w", {3}, {1, 2, 3, 4}))},
      {"element type 77 is not one of ONNX", ErrorCode::kInvalid, with(raw_tensor("w", 77, {1}, "1234"))},
  });
}

TEST(Refusal, Depth) {
  EXPECT_TRUE(import_text(nested_ifs(3)).ok()) << import_text(nested_ifs(3)).error().message();
  EXPECT_TRUE(import_text(function_bomb(8)).ok()) << import_text(function_bomb(8)).error().message();
  expect_refusals({
      {"the function calls itself", ErrorCode::kInvalid, self_call()},
      {"levels deep", ErrorCode::kLimit, function_bomb(kFunctionDepthMax + 1)},
  });
  std::string deep = graph({.nodes = {node("Relu", {"x"}, {"v"})}, .outputs = {bare_value_info("v")}});
  for (int i = 0; i <= graph::kGraphDepthMax; ++i)
    deep = graph(
        {.nodes = {node("Loop", {"", "", "x"}, {"v"}, {graph_attribute("body", deep)})}, .outputs = {bare_value_info("v")}});
  expect_refusals({{"nest deeper than 16 levels", ErrorCode::kLimit, model(deep)}});
}

TEST(Refusal, AFunctionBombStopsAtTheNodeLimit) {
  expect_refusals({{"more than 262144 nodes", ErrorCode::kLimit, function_bomb(24)}});
}

}  // namespace
}  // namespace tercel::onnx::testing
