#include <cstring>
#include <string>
#include <unordered_map>

#include "ops/control.h"
#include "passes/editor.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

constexpr size_t kConstantBytesMax = 4096;  // larger constants are weights: equal ones are rare and costly to compare

template <typename T>
void append_raw(std::string& key, const T& value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_text(std::string& key, std::string_view text) {
  append_raw(key, text.size());
  key += text;
}

void append_tensor(std::string& key, const Tensor& tensor) {
  append_raw(key, tensor.dtype());
  append_raw(key, tensor.shape().rank());
  for (Dim d : tensor.shape().dims()) append_raw(key, d.size());
  if (tensor.bytes() > 0) key.append(static_cast<const char*>(tensor.data()), tensor.bytes());
}

struct AppendValue {
  std::string& key;
  void operator()(int64_t v) const { append_raw(key, v); }
  void operator()(float v) const { append_raw(key, v); }
  void operator()(const std::string& v) const { append_text(key, v); }
  void operator()(const Tensor& v) const { append_tensor(key, v); }
  void operator()(const ops::GraphRef& v) const { append_raw(key, v.index); }
  template <typename T>
  void operator()(const std::vector<T>& values) const {
    append_raw(key, values.size());
    for (const T& v : values) (*this)(v);
  }
};

// Two nodes with the same key compute the same.
std::string key_of(const Node& node) {
  std::string key(node.op->name);
  key += '\0';
  for (ValueId id : node.inputs) append_raw(key, id);
  append_raw(key, node.inputs.size());
  for (ValueId id : node.outputs) append_raw(key, id == kNoValue);
  append_raw(key, node.outputs.size());
  for (const auto& entry : node.attributes.entries()) {
    append_text(key, entry.name);
    append_raw(key, entry.value.index());
    std::visit(AppendValue{key}, entry.value);
  }
  return key;
}

int merge_constants(Editor& e) {
  std::unordered_map<std::string, ValueId> seen;
  int changes = 0;
  for (ValueId id = 0; id < e.graph().values.size(); ++id) {
    const Tensor* constant = e.graph().constant(id);
    if (!constant || constant->bytes() > kConstantBytesMax || e.readers(id).empty()) continue;
    std::string key;
    append_tensor(key, *constant);
    const auto [first, is_new] = seen.emplace(std::move(key), id);
    if (is_new) continue;
    e.redirect(id, first->second);
    ++changes;
  }
  return changes;
}

// Makes readers of `id` read the outputs of `first`. An output of the graph needs a producer of its own, so such nodes stay.
bool merge(Editor& e, NodeId id, NodeId first) {
  for (ValueId output : e.node(id).outputs)
    if (output != kNoValue && e.is_output(output)) return false;
  const auto &from = e.node(id).outputs, &to = e.node(first).outputs;
  for (size_t i = 0; i < from.size(); ++i)
    if (from[i] != kNoValue) e.redirect(from[i], to[i]);
  e.erase(id);
  return true;
}

int merge_nodes(Editor& e) {
  std::unordered_map<std::string, NodeId> seen;
  int changes = 0;
  for (NodeId id = 0; id < e.size(); ++id) {
    if (!e.alive(id) || !e.node(id).op->deterministic || ops::is_control(e.node(id).op->name)) continue;
    const auto [first, is_new] = seen.emplace(key_of(e.node(id)), id);
    if (!is_new) changes += merge(e, id, first->second);
  }
  return changes;
}

}  // namespace

Result<int> merge_duplicates(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    changes += merge_constants(e);
    changes += merge_nodes(e);
  }
  return changes;
}

}  // namespace tercel::passes
