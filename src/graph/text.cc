#include "graph/text.h"

#include <charconv>

#include "ops/custom.h"

namespace tercel::graph {

namespace {

constexpr size_t kNamePrintedMax = 200;
constexpr int64_t kElementsPrinted = 8;

std::string number(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

std::string contents(const Tensor& tensor) {
  if (tensor.elements() > kElementsPrinted) return "...";
  std::string text = "{";
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (i) text += ", ";
    text += is_float(tensor.dtype()) ? number(element_as_double(tensor.dtype(), tensor.data(), i))
                                     : std::to_string(element_as_int(tensor.dtype(), tensor.data(), i));
  }
  return text + "}";
}

template <typename T, typename F>
std::string list(const std::vector<T>& items, F&& item_text) {
  std::string text = "[";
  for (size_t i = 0; i < items.size(); ++i) {
    if (i) text += ", ";
    if (i == 32) return text + "...]";
    text += item_text(items[i]);
  }
  return text + "]";
}

struct AttributeText {
  std::string operator()(int64_t v) const { return std::to_string(v); }
  std::string operator()(float v) const {
    char text[32];
    return std::string(text, std::to_chars(text, text + sizeof text, v).ptr);
  }
  std::string operator()(const std::string& v) const { return "\"" + printable(v) + "\""; }
  template <typename T>
  std::string operator()(const std::vector<T>& v) const {
    return list(v, *this);
  }
  std::string operator()(const Tensor& v) const {
    return std::string(dtype_name(v.dtype())) + " " + to_string(v.shape()) + " " + contents(v);
  }
  std::string operator()(const ops::GraphRef& v) const { return "graph " + std::to_string(v.index); }
};

std::string names(const Graph& graph, const std::vector<ValueId>& ids) {
  std::string text;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i) text += ", ";
    text += ids[i] == kNoValue ? "-" : printable(graph.value(ids[i]).name);
  }
  return text;
}

std::string typed(const Model& model, const Graph& graph, const std::vector<ValueId>& ids) {
  std::string text;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i) text += ", ";
    text += ids[i] == kNoValue ? "-" : printable(graph.value(ids[i]).name) + ": " + describe(model, graph.value(ids[i]));
  }
  return text;
}

void append_graph(const Model& model, size_t index, std::string& text) {
  const Graph& graph = model.graphs[index];
  text += "graph " + std::to_string(index) + " " + printable(graph.name) + "(" + typed(model, graph, graph.inputs) + ") -> (" +
          names(graph, graph.outputs) + ")\n";
  for (const Value& value : graph.values)
    if (value.constant)
      text += "  " + printable(value.name) + ": " + describe(model, value) + " = " + contents(*value.constant) + "\n";
  for (const Node& node : graph.nodes) {
    text += "  " + typed(model, graph, node.outputs) + " = " + ops::title(*node.op, node.attributes);
    text += "(" + names(graph, node.inputs) + ")";
    for (const auto& [name, value] : node.attributes.entries())
      text += " " + printable(name) + "=" + std::visit(AttributeText{}, value);
    text += "  # " + printable(node.name) + "\n";
  }
}

}  // namespace

std::string printable(std::string_view name) {
  std::string text;
  for (const char c : name.substr(0, kNamePrintedMax)) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  if (name.size() > kNamePrintedMax) text += "...";
  return text;
}

std::string describe(const Node& node) { return "node '" + printable(node.name) + "' (" + ops::title(*node.op, node.attributes) + ")"; }

std::string describe(const Model& model, const Value& value) {
  if (!value.has_type) return "?";
  return std::string(dtype_name(value.type.dtype)) + " " + model.text(value.type.shape);
}

std::string Model::text(const Shape& shape) const {
  if (shape.rank() == 0) return "scalar";
  std::string text;
  for (const Dim dim : shape.dims()) {
    if (!text.empty()) text += 'x';
    if (dim.is_known()) text += std::to_string(dim.size());
    else if (dim.is_symbol() && static_cast<size_t>(dim.symbol_id()) < symbols.size())
      text += printable(symbols[dim.symbol_id()]);
    else text += '?';
  }
  return text;
}

std::string to_text(const Model& model) {
  std::string text;
  for (size_t i = 0; i < model.graphs.size(); ++i) append_graph(model, i, text);
  return text;
}

}  // namespace tercel::graph
