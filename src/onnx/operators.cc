#include "onnx/operators.h"

#include <algorithm>
#include <iterator>

#include "graph/text.h"
#include "onnx/adapters.h"
#include "onnx/limits.h"

namespace tercel::onnx {

namespace {

// One line an operator, in the alphabet's order: name, first opset, attributes, and what differs from the newest form.
constexpr Operator kOnnx[] = {
    {"Abs", 1, ""},
    {"Acos", 7, ""},
    {"Acosh", 9, ""},
    {"Add", 1, ""},
    {"AffineGrid", 20, "align_corners"},
    {"And", 1, ""},
    {"ArgMax", 1, "axis keepdims select_last_index"},
    {"ArgMin", 1, "axis keepdims select_last_index"},
    {"Asin", 7, ""},
    {"Asinh", 9, ""},
    {"Atan", 7, ""},
    {"Atanh", 9, ""},
    {"Attention", 23, "is_causal kv_num_heads q_num_heads qk_matmul_output_mode scale softcap softmax_precision"},
    {"AveragePool", 1, "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides"},
    {"BatchNormalization", 1, "epsilon momentum spatial training_mode", adapt_batch_normalization},
    {"Bernoulli", 15, "dtype seed"},
    {"BitCast", 26, "to"},
    {"BitShift", 11, "direction"},
    {"BitwiseAnd", 18, ""},
    {"BitwiseNot", 18, ""},
    {"BitwiseOr", 18, ""},
    {"BitwiseXor", 18, ""},
    {"BlackmanWindow", 17, "output_datatype periodic"},
    {"Cast", 1, "round_mode saturate to"},
    {"CastLike", 15, "round_mode saturate"},
    {"CausalConvWithState", 27, "activation"},
    {"Ceil", 1, ""},
    {"Celu", 12, "alpha"},
    {"CenterCropPad", 18, "axes"},
    {"Clip", 1, "max min", adapt_clip},
    {"Col2Im", 18, "dilations pads strides"},
    {"Compress", 9, "axis"},
    {"Concat", 1, "axis"},
    {"ConstantOfShape", 9, "value"},
    {"Conv", 1, "auto_pad dilations group kernel_shape pads strides"},
    {"ConvInteger", 10, "auto_pad dilations group kernel_shape pads strides"},
    {"ConvTranspose", 1, "auto_pad dilations group kernel_shape output_padding output_shape pads strides"},
    {"Cos", 7, ""},
    {"Cosh", 9, ""},
    {"CumProd", 26, "exclusive reverse"},
    {"CumSum", 11, "exclusive reverse"},
    {"DFT", 17, "axis inverse onesided", adapt_dft},
    {"DeformConv", 19, "dilations group kernel_shape offset_group pads strides"},
    {"DepthToSpace", 1, "blocksize mode"},
    {"DequantizeLinear", 10, "axis block_size output_dtype"},
    {"Det", 11, ""},
    {"Div", 1, ""},
    {"Dropout", 1, "ratio seed", adapt_dropout},
    {"DynamicQuantizeLinear", 11, ""},
    {"Einsum", 12, "equation"},
    {"Elu", 1, "alpha"},
    {"Equal", 1, ""},
    {"Erf", 9, ""},
    {"Exp", 1, ""},
    {"Expand", 8, ""},
    {"EyeLike", 9, "dtype k"},
    {"Flatten", 1, "axis"},
    {"Floor", 1, ""},
    {"GRU", 1, "activation_alpha activation_beta activations clip direction hidden_size layout linear_before_reset"},
    {"Gather", 1, "axis"},
    {"GatherElements", 11, "axis"},
    {"GatherND", 11, "batch_dims"},
    {"Gelu", 20, "approximate"},
    {"Gemm", 1, "alpha beta transA transB"},
    {"GlobalAveragePool", 1, ""},
    {"GlobalLpPool", 1, "p"},
    {"GlobalMaxPool", 1, ""},
    {"Greater", 1, ""},
    {"GreaterOrEqual", 12, ""},
    {"GridSample", 16, "align_corners mode padding_mode", adapt_grid_sample},
    {"GroupNormalization", 18, "epsilon num_groups stash_type", adapt_group_normalization},
    {"HammingWindow", 17, "output_datatype periodic"},
    {"HannWindow", 17, "output_datatype periodic"},
    {"HardSigmoid", 1, "alpha beta"},
    {"HardSwish", 14, ""},
    {"Hardmax", 1, "axis", adapt_softmax},
    {"Identity", 1, ""},
    {"InstanceNormalization", 1, "epsilon"},
    {"IsInf", 10, "detect_negative detect_positive"},
    {"IsNaN", 9, ""},
    {"LRN", 1, "alpha beta bias size"},
    {"LSTM", 1, "activation_alpha activation_beta activations clip direction hidden_size input_forget layout"},
    {"LayerNormalization", 1, "axis epsilon stash_type"},
    {"LeakyRelu", 1, "alpha"},
    {"Less", 1, ""},
    {"LessOrEqual", 12, ""},
    {"LinearAttention", 27, "chunk_size kv_num_heads q_num_heads scale update_rule"},
    {"Log", 1, ""},
    {"LogSoftmax", 1, "axis", adapt_softmax},
    {"LpNormalization", 1, "axis p"},
    {"LpPool", 1, "auto_pad ceil_mode dilations kernel_shape p pads strides"},
    {"MatMul", 1, ""},
    {"MatMulInteger", 10, ""},
    {"Max", 1, ""},
    {"MaxPool", 1, "auto_pad ceil_mode dilations kernel_shape pads storage_order strides"},
    {"MaxRoiPool", 1, "pooled_shape spatial_scale"},
    {"MaxUnpool", 9, "kernel_shape pads strides"},
    {"Mean", 1, ""},
    {"MeanVarianceNormalization", 9, "axes"},
    {"MelWeightMatrix", 17, "output_datatype"},
    {"Min", 1, ""},
    {"Mish", 18, ""},
    {"Mod", 10, "fmod"},
    {"Mul", 1, ""},
    {"Multinomial", 7, "dtype sample_size seed"},
    {"Neg", 1, ""},
    {"NegativeLogLikelihoodLoss", 12, "ignore_index reduction", adapt_negative_log_likelihood},
    {"NonMaxSuppression", 10, "center_point_box"},
    {"NonZero", 9, ""},
    {"Not", 1, ""},
    {"OneHot", 9, "axis"},
    {"Or", 1, ""},
    {"PRelu", 1, ""},
    {"Pad", 1, "mode pads value", adapt_pad},
    {"Pow", 1, ""},
    {"QLinearConv", 10, "auto_pad dilations group kernel_shape pads strides"},
    {"QLinearMatMul", 10, ""},
    {"QuantizeLinear", 10, "axis block_size output_dtype precision saturate"},
    {"RMSNormalization", 23, "axis epsilon stash_type"},
    {"RNN", 1, "activation_alpha activation_beta activations clip direction hidden_size layout"},
    {"RandomNormal", 1, "dtype mean scale seed shape"},
    {"RandomNormalLike", 1, "dtype mean scale seed"},
    {"RandomUniform", 1, "dtype high low seed shape"},
    {"RandomUniformLike", 1, "dtype high low seed"},
    {"Range", 11, "stash_type"},
    {"Reciprocal", 1, ""},
    {"ReduceL1", 1, "axes keepdims noop_with_empty_axes", adapt_reduce},
    {"ReduceL2", 1, "axes keepdims noop_with_empty_axes", adapt_reduce},
    {"ReduceLogSum", 1, "axes keepdims noop_with_empty_axes", adapt_reduce},
    {"ReduceLogSumExp", 1, "axes keepdims noop_with_empty_axes", adapt_reduce},
    {"ReduceMax", 1, "axes keepdims noop_with_empty_axes", adapt_reduce},
    {"ReduceMean", 1, "axes keepdims noop_with_empty_axes", adapt_reduce},
    {"ReduceMin", 1, "axes keepdims noop_with_empty_axes", adapt_reduce},
    {"ReduceProd", 1, "axes keepdims noop_with_empty_axes", adapt_reduce},
    {"ReduceSum", 1, "axes keepdims noop_with_empty_axes", adapt_reduce},
    {"ReduceSumSquare", 1, "axes keepdims noop_with_empty_axes", adapt_reduce},
    {"Relu", 1, ""},
    {"Reshape", 1, "allowzero"},
    {"Resize", 10,
     "antialias axes coordinate_transformation_mode cubic_coeff_a "
     "exclude_outside extrapolation_value keep_aspect_ratio_policy mode nearest_mode",
     adapt_resize},
    {"ReverseSequence", 10, "batch_axis time_axis"},
    {"RoiAlign", 10,
     "coordinate_transformation_mode mode output_height "
     "output_width sampling_ratio spatial_scale",
     adapt_roi_align},
    {"RotaryEmbedding", 23, "interleaved num_heads rotary_embedding_dim"},
    {"Round", 11, ""},
    {"STFT", 17, "onesided"},
    {"Scatter", 9, "axis", nullptr, "ScatterElements"},
    {"ScatterElements", 11, "axis reduction"},
    {"ScatterND", 11, "reduction"},
    {"Selu", 1, "alpha gamma"},
    {"Shape", 1, "end start"},
    {"Shrink", 9, "bias lambd"},
    {"Sigmoid", 1, ""},
    {"Sign", 9, ""},
    {"SimplifiedLayerNormalization", 1, "axis epsilon stash_type", nullptr, "RMSNormalization"},
    {"Sin", 7, ""},
    {"Sinh", 9, ""},
    {"Size", 1, ""},
    {"Slice", 1, "axes ends starts", adapt_slice},
    {"Softmax", 1, "axis", adapt_softmax},
    {"SoftmaxCrossEntropyLoss", 12, "ignore_index reduction", adapt_cross_entropy},
    {"Softplus", 1, ""},
    {"Softsign", 1, ""},
    {"SpaceToDepth", 1, "blocksize"},
    {"Split", 1, "axis num_outputs split", adapt_split},
    {"Sqrt", 1, ""},
    {"Squeeze", 1, "axes", adapt_squeeze},
    {"Sub", 1, ""},
    {"Sum", 1, ""},
    {"Swish", 24, "alpha"},
    {"Tan", 7, ""},
    {"Tanh", 1, ""},
    {"TensorScatter", 24, "axis mode"},
    {"ThresholdedRelu", 10, "alpha"},
    {"Tile", 1, ""},
    {"TopK", 1, "axis k largest sorted", adapt_top_k},
    {"Transpose", 1, "perm"},
    {"Trilu", 14, "upper"},
    {"Unique", 11, "axis sorted"},
    {"Unsqueeze", 1, "axes", adapt_squeeze},
    {"Upsample", 1, "mode scales", adapt_upsample},
    {"Where", 9, ""},
    {"Xor", 1, ""},
};

constexpr Operator kMicrosoft[] = {
    {"BiasGelu", 1, "", adapt_bias_gelu},
    {"CDist", 1, "metric"},
    {"FastGelu", 1, "", adapt_fast_gelu},
    {"FusedConv", 1, "activation activation_params auto_pad dilations group kernel_shape pads strides", adapt_fused_conv},
    {"FusedMatMul", 1, "alpha transA transB transBatchA transBatchB", adapt_fused_mat_mul},
    {"Gelu", 1, ""},
    {"QuickGelu", 1, "alpha", adapt_quick_gelu},
    {"SkipLayerNormalization", 1, "epsilon", adapt_skip_layer_normalization},
};

constexpr bool by_name(const Operator& a, const Operator& b) { return a.name < b.name; }
static_assert(std::is_sorted(std::begin(kOnnx), std::end(kOnnx), by_name));
static_assert(std::is_sorted(std::begin(kMicrosoft), std::end(kMicrosoft), by_name));

struct Refused {
  std::string_view names, reason;
};
constexpr Refused kRefused[] = {
    {"ConcatFromSequence SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap "
     "SplitToSequence",
     "sequences are not computed with; use Concat, Split or Loop on tensors instead"},
    {"Optional OptionalGetElement OptionalHasElement", "optional values are not computed with; use If on tensors instead"},
    {"RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer",
     "strings are not computed with; turn text into numbers before the model"},
    {"ImageDecoder", "images are not decoded in the model; decode them before it"},
};

struct Kind {
  AttributeType type;
  std::string_view names;
};
constexpr Kind kKinds[] = {
    {AttributeType::kFloat,
     "alpha beta bias clip cubic_coeff_a epsilon extrapolation_value gamma height_scale high lambd low max mean min "
     "momentum ratio scale softcap spatial_scale value_float width_scale "
     "default_float replaced_value_float threshold"},
    {AttributeType::kInt,
     "align_corners allowzero antialias axis batch_axis batch_dims block_size blocksize ceil_mode center_point_box "
     "chunk_size count_include_pad detect_negative detect_positive dtype end exclude_outside exclusive fmod group "
     "hidden_size ignore_index input_forget interleaved inverse is_causal k keepdims kv_num_heads largest layout "
     "linear_before_reset new_axis noop_with_empty_axes num_groups num_heads num_outputs num_scan_inputs offset_group "
     "onesided output_datatype output_dtype output_height output_width p periodic precision q_num_heads "
     "qk_matmul_output_mode reverse rotary_embedding_dim sample_size sampling_ratio saturate select_last_index size "
     "softmax_precision sorted spatial start stash_type storage_order time_axis to training_mode transA transB "
     "transBatchA transBatchB upper value_int "
     "aggregate_function default_int64 multi_class n_supports n_targets one_class post_transform "
     "replaced_value_int64 targets zeros"},
    {AttributeType::kString,
     "activation approximate auto_pad coordinate_transformation_mode direction equation keep_aspect_ratio_policy metric mode "
     "nearest_mode padding_mode reduction round_mode update_rule value_string "
     "aggregate_function default_string kernel_type norm post_transform"},
    {AttributeType::kFloats,
     "activation_alpha activation_beta activation_params scales value_floats "
     "base_values class_weights coefficients imputed_value_floats intercepts kernel_params keys_floats "
     "nodes_hitrates nodes_values offset prob_a prob_b rho scale support_vectors target_weights values_floats"},
    {AttributeType::kInts,
     "axes dilations directions ends kernel_shape output_padding output_shape paddings pads perm pooled_shape "
     "scan_input_axes scan_input_directions scan_output_axes scan_output_directions shape split starts strides "
     "value_ints "
     "cats_int64s class_ids class_nodeids class_treeids classlabels_int64s classlabels_ints imputed_value_int64s "
     "inputdimensions keys_int64s leaf_targetids nodes_falseleafs nodes_falsenodeids nodes_featureids "
     "nodes_missing_value_tracks_true nodes_nodeids nodes_treeids nodes_trueleafs nodes_truenodeids target_ids "
     "target_nodeids target_treeids tree_roots values_int64s vectors_per_class"},
    {AttributeType::kStrings,
     "activations value_strings "
     "cats_strings classes_strings classlabels_strings keys_strings nodes_modes values_strings"},
    {AttributeType::kGraph, "body else_branch then_branch"},
    {AttributeType::kTensor,
     "value "
     "base_values_as_tensor class_weights_as_tensor default_tensor keys_tensor leaf_weights membership_values "
     "nodes_hitrates nodes_hitrates_as_tensor nodes_modes nodes_splits nodes_values_as_tensor "
     "target_weights_as_tensor values_tensor"},
    {AttributeType::kSparseTensor, "sparse_value"},
};

constexpr std::string_view kTypeNames[] = {"nothing", "a float",         "an int",         "a string", "a tensor",
                                           "a graph", "floats",          "ints",           "strings",  "tensors",
                                           "graphs",  "a sparse tensor", "sparse tensors", "a type",   "types"};

std::string_view type_name(AttributeType type) {
  const auto index = static_cast<size_t>(type);
  return index < std::size(kTypeNames) ? kTypeNames[index] : "of an unknown type";
}

}  // namespace

std::span<const Operator> operators_of(std::string_view domain) {
  if (domain.empty() || domain == "ai.onnx") return kOnnx;
  if (domain == "ai.onnx.ml") return ml_operators();
  if (domain == "com.microsoft") return kMicrosoft;
  return {};
}

const Operator* find_operator(std::string_view domain, std::string_view name) {
  const auto operators = operators_of(domain);
  const auto found = std::lower_bound(operators.begin(), operators.end(), name,
                                      [](const Operator& op, std::string_view wanted) { return op.name < wanted; });
  return found != operators.end() && found->name == name ? &*found : nullptr;
}

std::string refusal_of(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx.ml") return ml_refusal(name);
  if (domain.starts_with("ai.onnx.preview.training") || domain == "ai.onnx.training")
    return "training operators are not computed with; export the model for inference";
  if (operators_of(domain).empty())
    return "the domain '" + graph::printable(domain) +
           "' is unknown; load a library that has its operators with --operators FILE, or export the model with those of ai.onnx, or "
           "with a model-local function";
  if (domain == "com.microsoft")
    return "this operator of ONNX Runtime's optimizer is not read; export the model without its graph optimizations";
  for (const Refused& refused : kRefused)
    if (has_word(refused.names, name)) return std::string(refused.reason);
  return "there is no such operator in opsets " + std::to_string(kOpsetMin) + " to " + std::to_string(kOpsetMax) +
         "; is it a custom operator? Export it as a model-local function";
}

bool has_word(std::string_view words, std::string_view word) {
  if (word.empty()) return false;
  for (size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

Result<void> check_attribute_type(std::string_view name, AttributeType type) {
  // The names whose type depends on the operator, besides those of several lines: the seed of random ones, the value of Pad.
  if (name == "seed" && (type == AttributeType::kFloat || type == AttributeType::kInt)) return {};
  if (name == "value" && type == AttributeType::kFloat) return {};
  std::string wanted;
  for (const Kind& kind : kKinds) {
    if (!has_word(kind.names, name)) continue;
    if (kind.type == type) return {};
    wanted += (wanted.empty() ? "" : " or ") + std::string(type_name(kind.type));
  }
  if (!wanted.empty())
    return invalid("the attribute '" + graph::printable(name) + "' must be " + wanted + ", the file has " +
                   std::string(type_name(type)));
  return invalid("the attribute '" + graph::printable(name) + "' is not one of ONNX");
}

}  // namespace tercel::onnx
