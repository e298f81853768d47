#include "kernels/ref/sample_nodes.h"

namespace tercel::kernels {

namespace {

using Inputs = std::vector<std::optional<Tensor>>;
using Entries = std::initializer_list<ops::Attributes::Entry>;

// Values 1, 2, 3, ... of any type, kept small.
Tensor ramp(DType dtype, const Shape& shape) {
  Tensor tensor = Tensor::zeros(dtype, shape).value();
  visit_dtype(dtype, [&]<typename T>() {
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      const int64_t value = 1 + i % 7;
      if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
        tensor.mutable_as<T>()[i] = T(static_cast<float>(value));
      else tensor.mutable_as<T>()[i] = static_cast<T>(value);
    }
  });
  return tensor;
}
Tensor f32(const Shape& shape) { return ramp(DType::kFloat32, shape); }
Tensor u8(const Shape& shape) { return ramp(DType::kUint8, shape); }
Tensor ints(std::initializer_list<int64_t> values) {
  return Tensor::of<int64_t>(DType::kInt64, {Dim(static_cast<int64_t>(values.size()))}, std::vector<int64_t>(values));
}
Tensor number(int64_t value) { return Tensor::of<int64_t>(DType::kInt64, {}, std::vector<int64_t>{value}); }
Tensor real(float value) { return Tensor::of<float>(DType::kFloat32, {}, std::vector<float>{value}); }
ops::AttributeValue list(std::initializer_list<int64_t> values) { return std::vector<int64_t>(values); }
ops::AttributeValue text(const char* value) { return std::string(value); }

OpCase node(std::string_view op, Inputs inputs, Entries entries = {}, size_t outputs = 1) {
  OpCase sample{op, {}, std::move(inputs), std::vector<bool>(outputs, true)};
  for (const auto& entry : entries) sample.attributes.set(entry.name, entry.value);
  return sample;
}

void add_layout(std::vector<OpCase>& all) {
  all.push_back(node("Slice", {f32({4, 5}), ints({1, 4}), ints({3, 0}), ints({0, 1}), ints({1, -2})}));
  all.push_back(node("Slice", {f32({4, 5}), ints({-2}), ints({INT64_MAX})}));
  for (const char* mode : {"constant", "reflect", "edge", "wrap"})
    all.push_back(node("Pad", {f32({3, 4}), ints({1, 2, 0, 3}), real(2)}, {{"mode", text(mode)}}));
  all.push_back(node("Pad", {f32({3, 4}), ints({-1, 2}), std::nullopt, ints({1})}));
  all.push_back(node("Split", {f32({6, 2}), ints({1, 2, 3})}, {}, 3));
  all.push_back(node("Tile", {f32({2, 3}), ints({2, 2})}));
  all.push_back(node("DepthToSpace", {f32({1, 8, 2, 3})}, {{"blocksize", int64_t{2}}}));
  all.push_back(node("SpaceToDepth", {f32({1, 2, 4, 6})}, {{"blocksize", int64_t{2}}}));
  all.push_back(node("ReverseSequence", {f32({4, 3, 2}), ints({1, 4, 2})}));
  all.push_back(node("Col2Im", {f32({1, 5, 5}), ints({5, 5}), ints({1, 5})}));
  all.push_back(
      node("Col2Im", {f32({1, 4, 4}), ints({3, 3}), ints({2, 2})}, {{"strides", list({2, 2})}, {"pads", list({0, 0, 1, 1})}}));
}

void add_indexing(std::vector<OpCase>& all) {
  all.push_back(node("GatherND", {f32({2, 3, 4}), ramp(DType::kInt64, {2, 2, 1})}, {{"batch_dims", int64_t{1}}}));
  for (const char* reduction : {"none", "add", "mul", "max", "min"}) {
    all.push_back(
        node("ScatterElements", {f32({3, 4}), ramp(DType::kInt64, {2, 4}), f32({2, 4})}, {{"reduction", text(reduction)}}));
    all.push_back(node("ScatterND", {f32({3, 4}), ramp(DType::kInt64, {2, 1}), f32({2, 4})}, {{"reduction", text(reduction)}}));
  }
  all.push_back(node("TensorScatter", {f32({2, 5, 3}), f32({2, 2, 3}), ints({1, 3})}));
  all.push_back(node("TensorScatter", {f32({2, 5, 3}), f32({2, 2, 3}), ints({1, 4})}, {{"mode", text("circular")}}));
  all.push_back(node("OneHot", {ints({0, 7, -1}), number(4), f32({2})}));
  all.push_back(node("TopK", {f32({3, 6}), ints({4})}, {}, 2));
  all.push_back(node("Compress", {f32({3, 4}), ramp(DType::kBool, {3})}, {{"axis", int64_t{1}}}));
  all.push_back(node("Unique", {f32({4, 3})}, {{"axis", int64_t{1}}, {"sorted", int64_t{0}}}, 4));
}

void add_image(std::vector<OpCase>& all) {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    all.push_back(node("Resize", {f32({1, 2, 4, 5}), std::nullopt, std::nullopt, ints({1, 2, 7, 3})},
                       {{"mode", text(mode)}, {"exclude_outside", int64_t{1}}}));
    all.push_back(
        node("Resize", {f32({5, 6}), f32({4}), f32({2})},
             {{"mode", text(mode)}, {"axes", list({0, 1})}, {"coordinate_transformation_mode", text("tf_crop_and_resize")}}));
    all.push_back(
        node("Resize", {f32({6, 9}), std::nullopt, std::nullopt, ints({2, 4})},
             {{"mode", text(mode)}, {"antialias", int64_t{mode[0] != 'n'}}, {"keep_aspect_ratio_policy", text("not_larger")}}));
    for (const char* padding : {"zeros", "border", "reflection"})
      all.push_back(
          node("GridSample", {f32({2, 2, 3, 4}), f32({2, 2, 5, 2})}, {{"mode", text(mode)}, {"padding_mode", text(padding)}}));
  }
  all.push_back(node("GridSample", {f32({1, 2, 3, 4, 2}), f32({1, 2, 2, 3, 3})}));
  all.push_back(node("AffineGrid", {f32({2, 2, 3}), ints({2, 1, 4, 5})}));
  for (const char* mode : {"avg", "max"})
    all.push_back(node("RoiAlign", {f32({2, 3, 5, 6}), f32({2, 4}), ints({0, 1})},
                       {{"mode", text(mode)}, {"output_height", int64_t{2}}, {"output_width", int64_t{3}}}));
  all.push_back(node("MaxRoiPool", {f32({2, 3, 5, 6}), f32({2, 5})}, {{"pooled_shape", list({2, 3})}}));
  all.push_back(node("NonMaxSuppression", {f32({2, 5, 4}), f32({2, 3, 5}), number(3), real(0.5), real(1)}));
}

void add_recurrent(std::vector<OpCase>& all) {
  for (const auto& [op, gates] : {std::pair{"LSTM", 4}, std::pair{"GRU", 3}, std::pair{"RNN", 1}}) {
    Inputs inputs{f32({3, 2, 4}),       f32({2, 5 * gates, 4}),   f32({2, 5 * gates, 5}),
                  f32({2, 10 * gates}), ramp(DType::kInt32, {2}), f32({2, 2, 5})};
    all.push_back(node(op, {inputs[0], f32({1, 5 * gates, 4}), f32({1, 5 * gates, 5})}, {{"direction", text("reverse")}}));
    if (gates == 4) inputs.insert(inputs.end(), {f32({2, 2, 5}), f32({2, 15})});
    all.push_back(node(op, inputs, {{"direction", text("bidirectional")}, {"clip", 2.0f}}, gates == 4 ? 3 : 2));
  }
}

void add_quantized(std::vector<OpCase>& all) {
  all.push_back(node("QuantizeLinear", {f32({2, 3, 4}), f32({3}), ramp(DType::kInt8, {3})}));
  all.push_back(node("QuantizeLinear", {f32({2, 5}), f32({2, 3}), u8({2, 3})}, {{"block_size", int64_t{2}}}));
  all.push_back(node("DequantizeLinear", {u8({2, 3, 4}), f32({4}), u8({4})}, {{"axis", int64_t{-1}}}));
  all.push_back(node("DequantizeLinear", {u8({2, 5}), f32({1, 5})}, {{"block_size", int64_t{2}}, {"axis", int64_t{0}}}));
  all.push_back(node("MatMulInteger", {u8({2, 3, 4}), u8({4, 5}), u8({2, 3, 1}), u8({5})}));
  all.push_back(
      node("QLinearMatMul", {u8({3, 4}), f32({3}), u8({3}), u8({4, 2}), f32({1}), u8({1}), real(3), ramp(DType::kInt8, {})}));
  all.push_back(node("ConvInteger", {u8({1, 4, 5, 5}), u8({6, 2, 3, 3}), u8({}), u8({6})},
                     {{"group", int64_t{2}}, {"pads", list({1, 1, 1, 1})}}));
  all.push_back(
      node("QLinearConv",
           {u8({1, 2, 6, 6}), real(2), u8({}), u8({3, 2, 3, 3}), f32({3}), u8({3}), real(3), u8({}), ramp(DType::kInt32, {3})},
           {{"strides", list({2, 2})}, {"auto_pad", text("SAME_LOWER")}}));
}

void add_signal(std::vector<OpCase>& all) {
  all.push_back(node("DFT", {f32({2, 6, 1}), number(5), number(1)}));
  all.push_back(node("DFT", {f32({2, 4, 2})}, {{"inverse", int64_t{1}}, {"onesided", int64_t{1}}}));
  all.push_back(node("STFT", {f32({2, 20, 1}), number(3), f32({6})}));
  all.push_back(node("STFT", {f32({1, 20, 2}), number(3), std::nullopt, number(7)}, {{"onesided", int64_t{0}}}));
  all.push_back(node("MelWeightMatrix", {number(8), number(16), number(8192), real(0), real(4096)}));
}

void add_matrix(std::vector<OpCase>& all) {
  all.push_back(
      node("Conv", {f32({1, 4, 5, 6}), f32({6, 2, 3, 3}), f32({6})}, {{"group", int64_t{2}}, {"pads", list({1, 0, 1, 2})}}));
  all.push_back(node("ConvTranspose", {f32({1, 4, 3, 3}), f32({4, 2, 3, 3})},
                     {{"strides", list({2, 2})}, {"output_padding", list({1, 1})}}));
  for (const char* op : {"MaxPool", "AveragePool", "LpPool"})
    all.push_back(node(
        op, {f32({1, 3, 6, 6})},
        {{"kernel_shape", list({3, 2})}, {"strides", list({2, 2})}, {"ceil_mode", int64_t{1}}, {"pads", list({1, 0, 1, 1})}}));
  all.push_back(node("CDist", {f32({3, 4}), f32({5, 4})}, {{"metric", std::string("euclidean")}}));
  all.push_back(node("Gemm", {f32({3, 4}), f32({5, 4}), f32({5})}, {{"transB", int64_t{1}}}));
  all.push_back(node("BatchNormalization", {f32({2, 3, 4}), f32({3}), f32({3}), f32({3}), f32({3})}));
  all.push_back(node("LayerNormalization", {f32({2, 3, 4}), f32({4}), f32({4})}, {}, 3));
}

Tensor int32s(const Shape& shape, std::vector<int32_t> values) { return Tensor::of<int32_t>(DType::kInt32, shape, values); }

void add_classic(std::vector<OpCase>& all) {
  for (const char* aggregate : {"SUM", "AVERAGE", "MIN", "MAX"})
    all.push_back(node("tercel.TreeEnsemble",
                       {f32({3, 4}), int32s({2, 4}, {3, 2, -1, 1, 0, 1, -2, -3}), f32({2}), int32s({2}, {0, -3}),
                        int32s({4}, {0, 1, 3, 4}), int32s({4}, {0, 0, 1, 1}), f32({4}), f32({2})},
                       {{"targets", int64_t{2}}, {"aggregate", text(aggregate)}}));
  all.push_back(node("tercel.ClassScores", {f32({3, 4}), ints({5, 6, 7, 8})}, {{"post_transform", text("SOFTMAX")}}, 2));
  all.push_back(node("tercel.ClassScores", {f32({3, 1}), ints({5, 6})}, {{"pair", text("negated")}}, 2));
  all.push_back(node("tercel.PairwiseScores", {f32({2, 3}), ints({5, 6, 7}), f32({3}), f32({3})}, {}, 2));
  all.push_back(node("tercel.PostTransform", {f32({2, 3})}, {{"post_transform", text("PROBIT")}}));
  all.push_back(node("tercel.Lookup", {ints({4, 2, 9}), ints({2, 4}), f32({2}), f32({1})}));
}

}  // namespace

std::vector<OpCase> sample_nodes() {
  std::vector<OpCase> all;
  for (const auto add : {add_layout, add_indexing, add_image, add_recurrent, add_quantized, add_signal, add_matrix, add_classic})
    add(all);
  return all;
}

}  // namespace tercel::kernels
