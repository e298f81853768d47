#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "passes/passes.h"

// Small models for the tests of this folder, and the proof that a pass kept their meaning: both are run by the reference
// kernels on random inputs.
namespace tercel::passes::testing {

using graph::kNoValue;
using graph::Model;
using graph::ValueId;

ops::Attributes attributes(std::vector<ops::Attributes::Entry> entries);
std::vector<int64_t> ints(std::initializer_list<int64_t> values);

// Writes a model node by node. Seeded; failures print the seed.
class Builder {
 public:
  explicit Builder(uint32_t seed = 1);

  Dim symbol(std::string_view name) { return model.symbol(name); }
  ValueId input(std::string name, const Shape& shape, DType dtype = DType::kFloat32);
  ValueId weight(const Shape& shape, float low = -1, float high = 1);  // a random constant
  ValueId floats(const Shape& shape, std::vector<float> values);
  ValueId scalar(float value) { return floats(Shape{}, {value}); }
  ValueId integers(std::vector<int64_t> values);
  ValueId index(int64_t value);  // an int64 scalar
  ValueId node(std::string_view op, std::vector<ValueId> inputs, std::vector<ops::Attributes::Entry> entries = {});
  std::vector<ValueId> nodes(std::string_view op, std::vector<ValueId> inputs, size_t outputs,
                             std::vector<ops::Attributes::Entry> entries = {});
  void output(ValueId id, std::string name);

  // Common layers.
  ValueId conv(ValueId x, int64_t in, int64_t out, int64_t kernel, std::vector<ops::Attributes::Entry> entries = {});
  ValueId batch_norm(ValueId x, int64_t channels);
  ValueId linear(ValueId x, int64_t in, int64_t out);  // MatMul and Add, as exporters write it
  ValueId layer_norm(ValueId x, int64_t channels);     // primitive operators
  ValueId gelu(ValueId x);                             // erf form, primitive operators

  Model model;
  std::mt19937 random;
};

// Infers, runs one pass, infers and verifies; the number of changes.
int apply(Model& model, Result<int> (*pass)(Model&));
// How often an operator occurs in the main graph.
int count(const Model& model, std::string_view op);
const graph::Node& only(const Model& model, std::string_view op);  // the one node of that operator
const graph::Node& producer(const Model& model, ValueId id);
std::vector<std::string> output_names(const Model& model);

// Sizes of symbols by name.
using Sizes = std::map<std::string, int64_t>;
std::vector<Tensor> random_inputs(const Model& model, const Sizes& sizes, uint32_t seed);
// Runs both on the same random inputs and expects the same outputs, names and types, up to `tolerance` relative to the
// largest element.
void expect_same(const Model& before, const Model& after, const Sizes& sizes = {}, double tolerance = 2e-5);

}  // namespace tercel::passes::testing
