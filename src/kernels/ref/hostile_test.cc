// Shape rules and kernels on nodes that no honest exporter writes: any arity, type, shape and attribute. Nothing may crash,
// loop or read outside its buffers (the sanitizer builds run this too); what a rule lets through must bind or be refused.
#include <cstring>

#include "kernels/ref/test_tensors.h"
#include "ops/control.h"

namespace tercel::kernels {
namespace {

constexpr int kNodesPerOperator = 1500;
constexpr int64_t kElementsToRun = 1 << 14;
constexpr int kOutputsMax = 4, kOptionalMax = 8;

class NodeMaker {
 public:
  explicit NodeMaker(uint64_t seed) : random_(seed) {}

  OpCase make(const ops::OpDef& op) {
    OpCase c{op.name};
    const int most = op.inputs_max < 0 ? op.inputs_min + 3 : std::min(op.inputs_max, op.inputs_min + kOptionalMax);
    const auto count = static_cast<int>(pick(op.inputs_min, most));
    main_type_ = chance(0.7) ? DType::kFloat32 : any_type();
    main_shape_ = any_shape();
    for (int i = 0; i < count; ++i)
      c.inputs.push_back(i >= op.inputs_min && chance(0.2) ? std::nullopt : std::optional(any_tensor(i)));
    const int outputs = op.outputs_max < 0 ? kOutputsMax : std::min(op.outputs_max, kOutputsMax);
    c.wanted.assign(static_cast<size_t>(pick(std::max(1, op.outputs_min), outputs)), true);
    for (size_t i = 0; i < c.wanted.size(); ++i) c.wanted[i] = i == 0 || chance(0.8);
    for (const std::string_view name : kNames)
      if (chance(0.15)) c.attributes.set(name, any_attribute());
    for (const std::string_view name : kLists)
      if (chance(0.3)) c.attributes.set(name, any_list());
    return c;
  }

  // Replaces some extents by symbols and unknowns.
  Shape blurred(const Shape& shape) {
    Shape result;
    for (Dim d : shape.dims())
      result.push_back(chance(0.3) ? Dim::symbol(static_cast<int>(pick(0, 2))) : chance(0.2) ? Dim::unknown() : d);
    return result;
  }

 private:
  static constexpr std::string_view kNames[] = {"axis",
                                                "to",
                                                "dtype",
                                                "group",
                                                "auto_pad",
                                                "ceil_mode",
                                                "count_include_pad",
                                                "storage_order",
                                                "keepdims",
                                                "num_heads",
                                                "q_num_heads",
                                                "kv_num_heads",
                                                "rotary_embedding_dim",
                                                "interleaved",
                                                "is_causal",
                                                "scale",
                                                "epsilon",
                                                "alpha",
                                                "beta",
                                                "size",
                                                "p",
                                                "num_groups",
                                                "direction",
                                                "equation",
                                                "mode",
                                                "reduction",
                                                "fmod",
                                                "transA",
                                                "transB",
                                                "k",
                                                "sample_size",
                                                "channels_last",
                                                "activation",
                                                "value",
                                                "offset_group",
                                                "start",
                                                "end",
                                                "noop_with_empty_axes",
                                                "update_rule",
                                                "blocksize",
                                                "batch_dims",
                                                "num_outputs",
                                                "hidden_size",
                                                "layout",
                                                "block_size",
                                                "output_dtype",
                                                "select_last_index",
                                                "exclusive",
                                                "reverse",
                                                "seed",
                                                "batch_axis",
                                                "time_axis",
                                                "allowzero",
                                                "upper",
                                                "onesided",
                                                "sorted",
                                                "largest"};
  static constexpr std::string_view kLists[] = {"kernel_shape", "strides", "dilations",    "pads",           "axes",
                                                "perm",         "shape",   "output_shape", "output_padding", "program"};
  static constexpr std::string_view kTexts[] = {
      "",     "NOTSET",    "SAME_UPPER", "SAME_LOWER", "VALID",         "LEFT",   "RIGHT",       "none",     "mean",     "sum",
      "tanh", "ij,jk->ik", "...i->...",  "ii",         "Relu",          "linear", "gated_delta", "constant", "reflect",  "edge",
      "wrap", "nearest",   "cubic",      "forward",    "bidirectional", "DCR",    "CRD",         "bilinear", "\xff\xfe", "->"};

  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random_); }
  bool chance(double p) { return std::uniform_real_distribution<double>(0, 1)(random_) < p; }
  DType any_type() { return static_cast<DType>(pick(0, kDTypeCount - 1)); }
  int64_t any_int() {
    constexpr int64_t kExtremes[] = {INT64_MIN, INT64_MIN + 1,    INT64_MAX,        INT32_MIN,
                                     INT32_MAX, int64_t{1} << 24, -int64_t{1} << 40};
    return chance(0.1) ? kExtremes[pick(0, static_cast<int64_t>(std::size(kExtremes)) - 1)] : pick(-2, 4);
  }
  Shape any_shape() {
    Shape shape;
    for (int64_t rank = chance(0.1) ? pick(0, kRankMax) : pick(0, 4); rank > 0; --rank)
      shape.push_back(Dim(chance(0.05) ? 0 : pick(1, 4)));
    return shape;
  }
  Tensor any_tensor(int position) {
    const bool parameter = position > 0 && chance(0.3);  // like axes, shapes, indices
    const DType type = parameter ? DType::kInt64 : chance(0.9) ? main_type_ : any_type();
    Shape shape = parameter ? Shape{Dim(pick(0, 4))} : chance(0.5) ? main_shape_ : any_shape();
    if (parameter && chance(0.3)) shape = chance(0.5) ? Shape{} : main_shape_;
    Tensor tensor = Tensor::zeros(type, shape).value();
    for (int64_t i = 0; i < tensor.elements(); ++i) set_element(tensor, i);
    return tensor;
  }
  void set_element(Tensor& tensor, int64_t i) {
    const size_t bytes = dtype_size(tensor.dtype());
    auto* at = static_cast<unsigned char*>(tensor.mutable_data()) + static_cast<size_t>(i) * bytes;
    if (tensor.dtype() == DType::kFloat32) {
      const float value = chance(0.05) ? std::nanf("") : chance(0.05) ? 1e30f : static_cast<float>(pick(-8, 8)) / 2;
      std::memcpy(at, &value, bytes);
    } else {
      int64_t value = any_int();  // little endian; any bits are a float too
      if (tensor.dtype() == DType::kBool) value &= 1;
      std::memcpy(at, &value, bytes);
    }
  }
  ops::AttributeValue any_attribute() {
    switch (pick(0, 5)) {
      case 0: return static_cast<float>(any_int()) / 4;
      case 1:
      case 2: return std::string(kTexts[pick(0, static_cast<int64_t>(std::size(kTexts)) - 1)]);
      case 3: return any_tensor(0);
      default: return any_int();
    }
  }
  ops::AttributeValue any_list() {
    if (chance(0.05)) return any_attribute();
    std::vector<int64_t> list(static_cast<size_t>(pick(0, 4)));
    for (int64_t& v : list) v = chance(0.8) ? pick(0, 3) : any_int();
    return list;
  }

  std::mt19937_64 random_;
  DType main_type_ = DType::kFloat32;
  Shape main_shape_;
};

// The rule on extents that are partly unknown, with and without contents.
void infer_blurred(const ops::OpDef& op, const OpCase& c, NodeMaker& maker) {
  for (const bool with_values : {false, true}) {
    std::vector<ops::InferContext::Input> inputs;
    std::vector<std::vector<Dim>> dims(c.inputs.size());
    for (size_t i = 0; i < c.inputs.size(); ++i) {
      inputs.emplace_back();
      if (!c.inputs[i]) continue;
      inputs.back() = {true, {c.inputs[i]->dtype(), maker.blurred(c.inputs[i]->shape())}, nullptr, nullptr};
      if (with_values) {
        inputs.back().type.shape = c.inputs[i]->shape();
        inputs.back().value = &*c.inputs[i];
      } else if (c.inputs[i]->dtype() == DType::kInt64 && c.inputs[i]->shape().rank() <= 1) {
        inputs.back().type.shape = c.inputs[i]->shape();
        const Shape blurred = maker.blurred(Shape{Dim(1), Dim(2), Dim(3), Dim(4)});
        for (int64_t k = 0; k < c.inputs[i]->elements(); ++k) dims[i].push_back(blurred[static_cast<int>(k % 4)]);
        inputs.back().dims = &dims[i];
      }
    }
    ops::InferContext context(c.attributes, inputs, c.wanted.size());
    const auto result = op.infer(context);
    EXPECT_TRUE(result.ok() || !result.error().message().empty()) << op.name;
  }
}

// Runs the node where it is small enough; true when a kernel ran.
bool run_if_small(const OpCase& c) {
  const auto types = infer_op(c);
  if (!types) {
    EXPECT_FALSE(types.error().message().empty()) << c.op;
    return false;
  }
  for (const TensorType& type : types.value())
    if (type.shape.elements() > kElementsToRun) return false;
  const auto outputs = run_op(c);
  EXPECT_TRUE(outputs.ok() || !outputs.error().message().empty()) << c.op;
  return outputs.ok();
}

TEST(Hostile, NoNodeCrashes) {
  const uint64_t seed = test_seed();
  int never_ran = 0;
  for (const ops::OpDef* op : ops::all_ops()) {
    if (ops::is_control(op->name) || !reference_row(op->name)) continue;
    NodeMaker maker(seed);
    int ran = 0;
    for (int i = 0; i < kNodesPerOperator; ++i) {
      const OpCase c = maker.make(*op);
      infer_blurred(*op, c, maker);
      ran += run_if_small(c);
    }
    if (ran == 0 && ++never_ran) std::printf("no random node of %s was valid\n", std::string(op->name).c_str());
  }
  // Chance finds valid nodes of most operators; when it stops doing so, this test has stopped testing.
  EXPECT_LT(never_ran, 30);
}

}  // namespace
}  // namespace tercel::kernels
