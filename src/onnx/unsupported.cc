#include "onnx/unsupported.h"

#include "graph/text.h"
#include "onnx/image.h"
#include "onnx/importer.h"

namespace tercel::onnx {

namespace {

void count_nodes(const std::vector<NodeProto>& nodes, Report& report);

void count_graph(const GraphProto& graph, Report& report) {
  count_nodes(graph.nodes, report);
  for (const TensorProto& tensor : graph.initializers) {
    const auto dtype = element_type(tensor.data_type);
    int64_t elements = 1;
    for (const int64_t extent : tensor.dims) elements = extent < 0 ? 0 : checked_multiply(elements, extent).value_or(0);
    const int64_t bytes = dtype ? checked_multiply(elements, static_cast<int64_t>(dtype_size(*dtype))).value_or(0) : 0;
    report.parameters = checked_add(report.parameters, elements).value_or(report.parameters);
    report.weight_bytes = checked_add(report.weight_bytes, bytes).value_or(report.weight_bytes);
  }
}

void count_nodes(const std::vector<NodeProto>& nodes, Report& report) {
  for (const NodeProto& node : nodes) {
    const bool is_onnx = node.domain.empty() || node.domain == "ai.onnx";
    ++report.operators[(is_onnx ? "" : graph::printable(node.domain) + ".") + graph::printable(node.op_type)];
    for (const AttributeProto& attribute : node.attributes)
      if (attribute.graph) count_graph(*attribute.graph, report);
  }
}

Declared declared(const ValueInfoProto& info) {
  static constexpr std::string_view kKinds[] = {"untyped", "tensor", "sequence", "map", "sparse tensor", "optional", "opaque"};
  Declared result{graph::printable(info.name), std::string(kKinds[static_cast<size_t>(info.kind)]), info.has_shape, {}};
  if (info.kind != TypeKind::kTensor) return result;
  const auto dtype = element_type(info.element_type);
  result.dtype = dtype ? std::string(dtype_name(*dtype)) : "type " + std::to_string(info.element_type);
  for (const auto& extent : info.shape)
    result.shape.push_back(!extent.symbol.empty() ? graph::printable(extent.symbol)
                           : extent.value >= 0    ? std::to_string(extent.value)
                                                  : "?");
  return result;
}

}  // namespace

Result<Report> survey_bytes(std::span<const std::byte> image, std::shared_ptr<const void> owner, const std::string& folder) {
  const ModelProto proto = TRY(parse_model({reinterpret_cast<const char*>(image.data()), image.size()}));
  Report report;
  report.producer = graph::printable(proto.producer);
  for (const OpsetId& opset : proto.opsets)
    report.opsets[opset.domain == "ai.onnx" ? "" : graph::printable(opset.domain)] = opset.version;
  count_graph(*proto.graph, report);
  for (const FunctionProto& function : proto.functions) count_nodes(function.nodes, report);
  std::unordered_set<std::string_view> initialized;  // such inputs have a default, which is always used
  for (const TensorProto& tensor : proto.graph->initializers) initialized.insert(tensor.name);
  for (const ValueInfoProto& info : proto.graph->inputs)
    if (!initialized.contains(info.name)) report.inputs.push_back(declared(info));
  for (const ValueInfoProto& info : proto.graph->outputs) report.outputs.push_back(declared(info));

  ExternalFiles files(folder);
  std::vector<Obstacle> obstacles;
  const auto model = Importer(proto, {std::move(owner), files}, &obstacles).run();
  if (!model) obstacles.push_back({"the model", model.error()});
  for (const Obstacle& obstacle : obstacles) {
    const ErrorCode code = obstacle.error.code();
    report.unsupported.push_back(
        {obstacle.where, obstacle.error.message(), code != ErrorCode::kUnsupported && code != ErrorCode::kLimit});
  }
  return report;
}

Result<Report> survey(const std::string& path) {
  const auto file = TRY(open_model(path));
  auto report = survey_bytes(file->bytes(), file, folder_of(path));
  if (!report) return report.error().within(graph::printable(path));
  return report;
}

}  // namespace tercel::onnx
