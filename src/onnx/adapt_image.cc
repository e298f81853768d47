#include <algorithm>

#include "onnx/adapters.h"

namespace tercel::onnx {

namespace {

// Resize as it was at opset 10, and Upsample: input positions are output positions divided by the scale. Rounding was
// down; where every scale shrinks, up.
Result<void> old_resize(NodeContext& node, ValueId scales) {
  const Tensor* constant = scales == kNoValue ? nullptr : node.graph().constant(scales);
  bool shrinks = false, grows = false;
  for (int64_t i = 0; constant && i < std::min<int64_t>(constant->elements(), kRankMax); ++i) {
    const double scale = element_as_double(constant->dtype(), constant->data(), i);
    shrinks = shrinks || scale < 1;
    grows = grows || scale > 1;
  }
  node.attributes.erase("scales");
  node.attributes.set("coordinate_transformation_mode", std::string("asymmetric"));
  node.attributes.set("nearest_mode", std::string(shrinks && !grows ? "ceil" : "floor"));
  return node.finish("Resize", {node.inputs.empty() ? kNoValue : node.inputs[0], kNoValue, scales}, std::move(node.attributes));
}

}  // namespace

Result<void> adapt_upsample(NodeContext& node) {
  ValueId scales = node.has(1) ? node.inputs[1] : kNoValue;
  if (const auto* list = node.attributes.get<std::vector<float>>("scales"); list && scales == kNoValue)
    scales = node.constant(Tensor::of<float>(DType::kFloat32, {Dim(static_cast<int64_t>(list->size()))}, *list));
  if (scales == kNoValue) return invalid("it has neither the attribute nor the input 'scales'");
  return old_resize(node, scales);
}

Result<void> adapt_resize(NodeContext& node) {
  if (node.opset < 11) return old_resize(node, node.has(1) ? node.inputs[1] : kNoValue);
  // Opset 11 wrote an empty tensor where an input is not used.
  for (size_t i = 1; i < node.inputs.size(); ++i)
    if (const Tensor* constant = node.constant(i); constant && constant->elements() == 0) node.inputs[i] = kNoValue;
  return node.finish();
}

Result<void> adapt_grid_sample(NodeContext& node) {
  const std::string_view mode = node.attributes.get_string("mode", "");
  if (mode == "bilinear") node.attributes.set("mode", std::string("linear"));
  else if (mode == "bicubic") node.attributes.set("mode", std::string("cubic"));
  return node.finish();
}

Result<void> adapt_roi_align(NodeContext& node) {
  if (node.opset < 16) node.attributes.set("coordinate_transformation_mode", std::string("output_half_pixel"));
  return node.finish();
}

}  // namespace tercel::onnx
