// Valid nodes with a few things changed get deeper into shape rules and kernels than random ones (hostile_test.cc).
#include <algorithm>

#include "kernels/ref/sample_nodes.h"
#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

constexpr int kMutationsPerSample = 300;
constexpr int64_t kElementsPerOutput = 1 << 12;  // larger answers are right, but slow

constexpr const char* kIntNames[] = {"axis",
                                     "blocksize",
                                     "block_size",
                                     "batch_dims",
                                     "upper",
                                     "hidden_size",
                                     "layout",
                                     "linear_before_reset",
                                     "input_forget",
                                     "group",
                                     "antialias",
                                     "exclude_outside",
                                     "align_corners",
                                     "output_height",
                                     "output_width",
                                     "sampling_ratio",
                                     "center_point_box",
                                     "inverse",
                                     "onesided",
                                     "output_dtype",
                                     "precision",
                                     "sorted",
                                     "largest",
                                     "ceil_mode",
                                     "transA",
                                     "transB",
                                     "channels_last",
                                     "allowzero",
                                     "periodic",
                                     "output_datatype"};
constexpr const char* kListNames[] = {"perm",      "axes",         "pads",         "strides",
                                      "dilations", "kernel_shape", "pooled_shape", "output_padding"};
constexpr const char* kFloatNames[] = {"clip", "spatial_scale", "cubic_coeff_a", "extrapolation_value", "epsilon"};
constexpr std::pair<const char*, const char*> kTexts[] = {{"mode", "reflect"},
                                                          {"mode", "wrap"},
                                                          {"mode", "linear"},
                                                          {"mode", "cubic"},
                                                          {"mode", "nonsense"},
                                                          {"mode", "CRD"},
                                                          {"mode", "max"},
                                                          {"mode", "circular"},
                                                          {"reduction", "add"},
                                                          {"direction", "reverse"},
                                                          {"direction", "bidirectional"},
                                                          {"coordinate_transformation_mode", "align_corners"},
                                                          {"coordinate_transformation_mode", "tf_crop_and_resize"},
                                                          {"coordinate_transformation_mode", "half_pixel_symmetric"},
                                                          {"coordinate_transformation_mode", "pytorch_half_pixel"},
                                                          {"keep_aspect_ratio_policy", "not_smaller"},
                                                          {"nearest_mode", "ceil"},
                                                          {"padding_mode", "reflection"},
                                                          {"auto_pad", "SAME_UPPER"},
                                                          {"auto_pad", "VALID"},
                                                          {"perm", "text"},
                                                          {"axis", "text"}};

class Mutator {
 public:
  explicit Mutator(std::mt19937_64& random) : random_(random) {}

  OpCase mutated(OpCase c) {
    for (int edits = 1 + below(3); edits > 0; --edits) {
      if (below(3) == 0) edit_attribute(c.attributes);
      else edit_input(c.inputs[static_cast<size_t>(below(static_cast<int>(c.inputs.size())))]);
    }
    return c;
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

  int64_t number() {
    constexpr int64_t kExtremes[] = {INT64_MIN, INT64_MAX, INT32_MAX, INT32_MIN, 1 << 30, int64_t{1} << 40, -1000, 1000, 100000};
    return below(10) ? below(9) - 3 : kExtremes[below(9)];
  }

  void edit_attribute(ops::Attributes& attributes) {
    const auto any_of = [&](const auto& names) { return names[below(static_cast<int>(std::size(names)))]; };
    std::vector<int64_t> list(static_cast<size_t>(below(6)));
    for (int64_t& v : list) v = number();
    switch (below(6)) {
      case 0: attributes.set(any_of(kListNames), list); break;
      case 1: attributes.set(any_of(kFloatNames), static_cast<float>(number()) / 4); break;
      case 2: {
        const auto [name, value] = any_of(kTexts);
        attributes.set(name, std::string(value));
        break;
      }
      case 3:
        if (!attributes.entries().empty()) attributes.erase(std::string(attributes.entries()[0].name));
        break;
      default: attributes.set(any_of(kIntNames), number());
    }
  }

  void edit_input(std::optional<Tensor>& input) {
    if (!input || below(12) == 0) {
      input = below(4) ? std::optional(filled(DType::kInt64, {Dim(below(5))})) : std::nullopt;
      return;
    }
    Shape shape = input->shape();
    if (shape.rank() > 0 && below(3) == 0) {
      Dim& extent = shape[below(shape.rank())];
      extent = Dim(std::max<int64_t>(0, extent.size() + below(4) - 2));
    } else if (below(16) == 0 && shape.rank() < kRankMax) {
      shape.push_back(Dim(1 + below(2)));
    }
    input = filled(below(8) ? input->dtype() : static_cast<DType>(below(kDTypeCount)), shape);
  }

  Tensor filled(DType dtype, const Shape& shape) {
    Tensor tensor = Tensor::zeros(dtype, shape).value();
    visit_dtype(dtype, [&]<typename T>() {
      for (int64_t i = 0; i < tensor.elements(); ++i) {
        const int64_t value = number();
        if constexpr (std::is_same_v<T, bool>) tensor.mutable_as<T>()[i] = value > 0;
        else if constexpr (std::is_integral_v<T>) tensor.mutable_as<T>()[i] = static_cast<T>(value);
        else tensor.mutable_as<T>()[i] = T(below(40) == 0 ? NAN : below(40) == 0 ? INFINITY : static_cast<float>(value) / 2);
      }
    });
    return tensor;
  }

  std::mt19937_64& random_;
};

// To repeat a failure by hand.
std::string describe(const OpCase& c) {
  std::string text(c.op);
  for (const auto& input : c.inputs) {
    text += ", " + (input ? std::string(dtype_name(input->dtype())) + " " + to_string(input->shape()) : "absent");
    if (input && is_integer(input->dtype()) && input->elements() <= 8)
      for (int64_t v : as_ints(*input)) text += " " + std::to_string(v);
  }
  for (const auto& entry : c.attributes.entries()) {
    text += "; " + entry.name;
    if (const auto* i = std::get_if<int64_t>(&entry.value)) text += "=" + std::to_string(*i);
    if (const auto* s = std::get_if<std::string>(&entry.value)) text += "=" + *s;
    if (const auto* list = std::get_if<std::vector<int64_t>>(&entry.value))
      for (int64_t v : *list) text += " " + std::to_string(v);
  }
  return text;
}

// A node that the shape rule accepts binds or is refused with a sentence, and runs within its buffers, with the same bits
// whatever the workers do. Sanitizers make this sharp. Returns whether it ran.
bool try_node(const OpCase& c) {
  SCOPED_TRACE(describe(c));
  const auto types = infer_op(c);
  if (!types.ok()) {
    // kInternal: everything was known, but the rule left an extent open.
    EXPECT_NE(types.error().code(), ErrorCode::kInternal) << types.error().message();
    return false;
  }
  for (const TensorType& type : *types)
    if (type.shape.elements() > kElementsPerOutput) return false;
  const auto outputs = run_op(c);
  if (outputs.ok()) return true;
  EXPECT_NE(outputs.error().code(), ErrorCode::kInternal) << outputs.error().message();
  return false;
}

// The rule on extents that are partly symbols, and contents that are mostly unknown.
void infer_blurred(const OpCase& c, std::mt19937_64& random) {
  SCOPED_TRACE(describe(c));
  const auto blurred = [&](Dim d) {
    return random() % 3 ? d : random() % 3 ? Dim::symbol(static_cast<int>(random() % 3)) : Dim::unknown();
  };
  std::vector<ops::InferContext::Input> inputs;
  std::vector<std::vector<Dim>> tracked(c.inputs.size());
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    if (!c.inputs[i]) {
      inputs.push_back({});
      continue;
    }
    inputs.push_back({true, c.inputs[i]->type(), random() % 2 ? &*c.inputs[i] : nullptr, nullptr});
    if (inputs[i].value) continue;
    Shape& shape = inputs[i].type.shape;
    for (int k = 0; k < shape.rank(); ++k) shape[k] = blurred(shape[k]);
    if (!is_integer(c.inputs[i]->dtype()) || random() % 2) continue;
    for (int64_t k = 0; k < c.inputs[i]->elements(); ++k) tracked[i].push_back(blurred(Dim(static_cast<int64_t>(random() % 5))));
    inputs[i].dims = &tracked[i];
  }
  ops::InferContext context(c.attributes, inputs, c.wanted.size());
  const auto result = ops::find_op(c.op)->infer(context);
  if (!result.ok()) {
    EXPECT_NE(result.error().code(), ErrorCode::kInternal) << result.error().message();
    return;
  }
  for (const auto& output : context.outputs())
    EXPECT_TRUE(!output.has_type || !output.type.shape.is_static() || checked_elements(output.type.shape).ok())
        << to_string(output.type.shape);
}

TEST(ReferenceKernels, SurviveMutatedNodes) {
  std::mt19937_64 random(test_seed());
  Mutator mutator(random);
  for (const OpCase& sample : sample_nodes()) {
    if (!reference_row(sample.op)) continue;
    ASSERT_TRUE(try_node(sample)) << "the sample itself does not run: " << describe(sample);
    for (int i = 0; i < kMutationsPerSample && !HasFailure(); ++i) {
      const OpCase c = mutator.mutated(sample);
      try_node(c);
      infer_blurred(c, random);
    }
  }
}

}  // namespace
}  // namespace tercel::kernels
