// The layout pass. One walk in topological order: every value has a first form (what the model says) and may get a last
// form. Convolutions always compute on last forms; what can follow them does while that saves transposes. The first form of
// a value that was only computed in its last form is made at the end, and only where somebody still reads it. Transposes
// that the model itself contains (as TensorFlow's exporters write them) are last forms for free.
#include <algorithm>

#include "passes/evaluate.h"
#include "passes/layout_rules.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

class LayoutPass {
 public:
  explicit LayoutPass(graph::Graph& graph)
      : e_(graph), last_(graph.values.size(), kNoValue), wants_(graph.values.size(), false) {}

  Result<int> run() {
    const NodeId nodes = e_.size();
    bool any = false;
    for (NodeId id = nodes; id-- > 0;) any |= note_wishes(id);
    if (!any) return 0;
    for (NodeId id = 0; id < nodes; ++id) {
      if (!e_.alive(id)) continue;
      if (e_.node(id).is("Transpose")) join_transpose(id);
      else if (!TRY(flatten_into_weights(id))) TRY(convert(id));
    }
    make_first_forms();
    return changes_;
  }

 private:
  ValueId last_of(ValueId id) const { return id < last_.size() ? last_[id] : kNoValue; }
  void set_last(ValueId first, ValueId last) {
    if (last_.size() <= first) last_.resize(first + 1, kNoValue);
    last_[first] = last;
  }
  std::vector<int64_t> perm_of(const Node& transpose) const { return permutation_of(e_, transpose); }

  // Marks values that a convolution reads, directly or through operators that work in both layouts. True for a convolution.
  bool note_wishes(NodeId id) {
    const Node& node = e_.node(id);
    if (node.is("Transpose")) {
      const auto perm = perm_of(node);
      if (perm.size() == 4 && perm == perm_to_last(4)) wants_[node.inputs[0]] = true;
      return false;
    }
    const auto rewrite = layout_rewrite(e_, node);
    if (!rewrite) return false;
    const bool wanted = rewrite->gives_last && wants(node);
    if (rewrite->demands || wanted)
      for (size_t i : rewrite->data) wants_[node.inputs[i]] = true;
    return rewrite->demands;
  }

  bool wants(const Node& node) const {
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) { return id != kNoValue && wants_[id]; });
  }

  // A Transpose of the model: joined with the one that would make its input's first form; or itself the first form of its
  // input, when convolutions follow.
  void join_transpose(NodeId id) {
    const Node node = e_.node(id);
    std::vector<int64_t> perm = perm_of(node);
    const ValueId input = node.inputs[0], output = node.outputs[0];
    if (perm.empty() || last_of(input) == output) return;
    if (last_of(input) != kNoValue && has_layouts(e_, input)) {
      const auto first = perm_to_first(static_cast<int>(perm.size()));
      for (int64_t& axis : perm) axis = first[static_cast<size_t>(axis)];
      ++changes_;
      if (is_identity(perm) && !e_.is_output(output)) {
        e_.redirect(output, last_of(input));
        e_.erase(id);
        return;
      }
      Node joined{ops::find_op(is_identity(perm) ? "Identity" : "Transpose"), node.name, {}, {last_of(input)}, {output}};
      if (!is_identity(perm)) joined.attributes = permutation(perm);
      e_.replace(id, std::move(joined));
    }
    const bool makes_first = has_layouts(e_, output) && perm == perm_to_first(static_cast<int>(perm.size()));
    if (makes_first && wants_[output]) set_last(output, e_.node(id).inputs[0]);
  }

  // Whether a node that works in both layouts should use the last.
  bool pays(const LayoutRewrite& rewrite, const Node& node) const {
    int with = 0, without = 0;
    for (size_t i : rewrite.data) {
      const ValueId input = node.inputs[i];
      if (e_.graph().constant(input)) continue;
      if (last_of(input) != kNoValue) ++with;
      else if (!is_reshape(e_.type(input).shape, perm_to_last(e_.type(input).shape.rank()))) ++without;
    }
    if (!rewrite.gives_last) return with > 0 && without == 0;
    return with > 0 && (without == 0 || with > without || (with == without && wants(node)));
  }

  Result<void> convert(NodeId id) {
    auto rewrite = layout_rewrite(e_, e_.node(id));
    if (!rewrite || (!rewrite->demands && !pays(*rewrite, e_.node(id)))) return {};
    Node& node = rewrite->node;
    for (size_t i : rewrite->data) node.inputs[i] = TRY(make_last(node.inputs[i]));
    for (auto& [input, tensor] : rewrite->constants) node.inputs[input] = e_.add_constant(node.name + "/last", std::move(tensor));
    if (rewrite->gives_last) {
      for (ValueId& output : node.outputs) {
        if (output == kNoValue) continue;
        const graph::Value& first = e_.value(output);
        const TensorType type{first.type.dtype, shape_in_last(first.type.shape)};
        const ValueId last = e_.add_value(first.name + "/last", type);
        set_last(output, last);
        output = last;
      }
    }
    e_.replace(id, std::move(node));
    ++changes_;
    return {};
  }

  // The last form of a value, made when there is none yet.
  Result<ValueId> make_last(ValueId id) {
    if (last_of(id) != kNoValue) return last_of(id);
    const graph::Value& value = e_.value(id);
    const auto perm = perm_to_last(value.type.shape.rank());
    ValueId last = kNoValue;
    if (value.constant) {
      const Tensor* inputs[] = {&*value.constant};
      last = e_.add_constant(value.name + "/last", TRY(evaluate("Transpose", permutation(perm), inputs)));
    } else {
      for (NodeId reader : e_.readers(id))
        if (e_.node(reader).is("Transpose") && perm_of(e_.node(reader)) == perm) last = e_.node(reader).outputs[0];
      if (last == kNoValue) {
        last = e_.add_value(value.name + "/last", {value.type.dtype, shape_in_last(value.type.shape)});
        add_transpose(id, last, perm);
      }
    }
    set_last(id, last);
    return last;
  }

  // Only extents of 1 move: the bytes stay as they are, and one Reshape target fits all sizes.
  static bool is_reshape(const Shape& shape, std::span<const int64_t> perm) {
    int64_t before = -1;
    int open = 0;
    for (size_t i = 0; i < perm.size(); ++i) {
      const Dim d = shape[static_cast<int>(perm[i])];
      if (d == Dim(0)) return false;
      open += i > 0 && !d.is_known();
      if (d == Dim(1)) continue;
      if (perm[i] < before) return false;
      before = perm[i];
    }
    return open <= 1 && !perm.empty() && perm[0] == 0;
  }

  void add_transpose(ValueId from, ValueId to, std::span<const int64_t> perm) {
    const std::string name = e_.value(to).name + "/layout";
    const Shape shape = e_.type(from).shape;
    if (!is_reshape(shape, perm)) {
      e_.add({ops::find_op("Transpose"), name, permutation(perm), {from}, {to}});
      return;
    }
    std::vector<int64_t> target = {0};
    for (size_t i = 1; i < perm.size(); ++i) {
      const Dim d = shape[static_cast<int>(perm[i])];
      target.push_back(d.is_known() ? d.size() : -1);
    }
    const ValueId constant = e_.add_constant(name, int64_tensor(target));
    e_.add({ops::find_op("Reshape"), name, {}, {from, constant}, {to}});
  }

  // [N, C, H, W] flattened to [N, C*H*W] for tercel.Dense or Gemm: reorders the rows of their weights instead.
  Result<bool> flatten_into_weights(NodeId id) {
    const Node& node = e_.node(id);
    const bool flattens = (node.is("Flatten") && node.attributes.get_int("axis", 1) == 1) || node.is("Reshape");
    if (!flattens || !has_layouts(e_, node.inputs[0]) || last_of(node.inputs[0]) == kNoValue) return false;
    const Shape from = e_.type(node.inputs[0]).shape, to = e_.type(node.outputs[0]).shape;
    if (is_reshape(from, perm_to_last(from.rank()))) return false;  // the rows are in the right order
    int64_t columns = 1;
    for (int i = 1; i < from.rank(); ++i) {
      if (!from[i].is_known()) return false;
      columns *= from.size(i);
    }
    if (to.rank() != 2 || to[1] != Dim(columns) || columns == 0 || e_.is_output(node.outputs[0])) return false;
    if (node.is("Reshape")) {
      const auto target = ints_of(e_, node.inputs[1]);
      if (!target || (*target)[1] == 0) return false;
    }
    const std::vector<NodeId> readers(e_.readers(node.outputs[0]).begin(), e_.readers(node.outputs[0]).end());
    for (NodeId reader : readers)
      if (!takes_rows(e_.node(reader), node.outputs[0], columns)) return false;
    for (NodeId reader : readers) TRY(reorder_rows(reader, from));
    Node flat = node;
    flat.inputs[0] = last_of(node.inputs[0]);
    e_.replace(id, std::move(flat));
    ++changes_;
    return true;
  }

  bool takes_rows(const Node& node, ValueId x, int64_t columns) const {
    if (!node.is("tercel.Dense") && !(node.is("Gemm") && node.attributes.get_int("transA", 0) == 0)) return false;
    if (std::count(node.inputs.begin(), node.inputs.end(), x) != 1 || node.inputs[0] != x) return false;
    const Tensor* weights = e_.graph().constant(node.inputs[1]);
    const bool transposed = node.attributes.get_int("transB", 0) != 0;
    return weights && weights->shape().rank() == 2 && weights->shape().size(transposed ? 1 : 0) == columns;
  }

  Result<void> reorder_rows(NodeId id, const Shape& from) {
    Node node = e_.node(id);
    const Tensor weights = *e_.graph().constant(node.inputs[1]);
    const bool transposed = node.attributes.get_int("transB", 0) != 0;
    // The weights as [C, spatial..., N], or [N, C, spatial...] when transposed.
    Shape split;
    std::vector<int64_t> perm;
    if (transposed) {
      split.push_back(weights.shape()[0]);
      perm.push_back(0);
    }
    for (int i = 1; i < from.rank(); ++i) split.push_back(from[i]);
    const int channel = transposed ? 1 : 0;
    for (int i = 2; i < from.rank(); ++i) perm.push_back(i - 1 + channel);
    perm.push_back(channel);
    if (!transposed) {
      split.push_back(weights.shape()[1]);
      perm.push_back(from.rank() - 1);
    }
    const Tensor wide = weights.reshaped(split);
    const Tensor* inputs[] = {&wide};
    const Tensor moved = TRY(evaluate("Transpose", permutation(perm), inputs));
    node.inputs[1] = e_.add_constant(e_.value(node.inputs[1]).name + "/last", moved.reshaped(weights.shape()));
    e_.replace(id, std::move(node));
    return {};
  }

  void make_first_forms() {
    for (ValueId id = 0; id < last_.size(); ++id) {
      const bool missing = last_[id] != kNoValue && e_.producer(id) == kNoNode && !e_.value(id).constant && !is_graph_input(id);
      if (missing && !e_.unread(id)) add_transpose(last_[id], id, perm_to_first(e_.type(id).shape.rank()));
    }
  }

  bool is_graph_input(ValueId id) const {
    const auto& inputs = e_.graph().inputs;
    return std::find(inputs.begin(), inputs.end(), id) != inputs.end();
  }

  Editor e_;
  std::vector<ValueId> last_;  // by value: its last form
  std::vector<bool> wants_;    // by value of the original graph
  int changes_ = 0;
};

}  // namespace

Result<int> channels_last(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) changes += TRY(LayoutPass(graph).run());
  return changes;
}

}  // namespace tercel::passes
