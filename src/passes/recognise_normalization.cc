#include <algorithm>

#include "passes/match.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

// value = x * x.
ValueId square_root_of(const Editor& e, ValueId value) {
  const NodeId pow = e.producer_is(value, "Pow");
  if (pow != kNoNode && is_scalar(e, e.node(pow).inputs[1], 2)) return e.node(pow).inputs[0];
  const NodeId mul = e.producer_is(value, "Mul");
  if (mul != kNoNode && e.node(mul).inputs[0] == e.node(mul).inputs[1]) return e.node(mul).inputs[0];
  return kNoValue;
}

// value = ReduceMean(x) over the last axis, kept.
ValueId mean_argument(const Editor& e, ValueId value) {
  const NodeId mean = e.producer_is(value, "ReduceMean");
  return mean != kNoNode && reduces_last_axis(e, e.node(mean)) ? e.node(mean).inputs[0] : kNoValue;
}

struct MeanSquare {
  ValueId x = kNoValue;
  double epsilon = 0;
};

// value = mean(x * x) + epsilon, each step read only by the next.
MeanSquare mean_square(const Editor& e, ValueId value) {
  MeanSquare found;
  const Binary sum = scalar_operand(e, value, "Add", &found.epsilon);
  if (!sum || !e.single_reader(value) || !e.single_reader(sum.x)) return {};
  const ValueId squared = mean_argument(e, sum.x);
  if (squared == kNoValue || !e.single_reader(squared)) return {};
  found.x = square_root_of(e, squared);
  return found;
}

// value = sqrt(mean(x * x) + epsilon).
MeanSquare root_mean_square(const Editor& e, ValueId value) {
  const NodeId sqrt = e.producer_is(value, "Sqrt");
  return sqrt != kNoNode && e.single_reader(value) ? mean_square(e, e.node(sqrt).inputs[0]) : MeanSquare{};
}

// value = 1 / sqrt(mean(x * x) + epsilon), however it is written. The value itself may have several readers.
MeanSquare inverse_root_mean_square(const Editor& e, ValueId value) {
  const NodeId made = e.producer(value);
  if (made == kNoNode) return {};
  const Node& node = e.node(made);
  if (node.is("Reciprocal")) return root_mean_square(e, node.inputs[0]);
  if (node.is("Div") && is_scalar(e, node.inputs[0], 1)) return root_mean_square(e, node.inputs[1]);
  if (node.is("Pow") && is_scalar(e, node.inputs[1], -0.5)) return mean_square(e, node.inputs[0]);
  return {};
}

// node = x / sqrt(mean(x * x) + epsilon): the core of both normalisations.
MeanSquare normalized(const Editor& e, const Node& node) {
  if (node.is("Div")) {
    const MeanSquare found = root_mean_square(e, node.inputs[1]);
    return found.x == node.inputs[0] ? found : MeanSquare{};
  }
  if (!node.is("Mul")) return {};
  for (size_t side : {size_t{0}, size_t{1}}) {
    if (!e.single_reader(node.inputs[side])) continue;
    const MeanSquare found = inverse_root_mean_square(e, node.inputs[side]);
    if (found.x != kNoValue && found.x == node.inputs[1 - side]) return found;
  }
  return {};
}

bool read_only_by(const Editor& e, ValueId value, size_t readers) {
  return !e.is_output(value) && e.readers(value).size() == readers;
}

// value = x - mean(x), read `readers` times and no more; the mean has no other reader.
ValueId centred_argument(const Editor& e, ValueId value, size_t readers) {
  const NodeId sub = e.producer_is(value, "Sub");
  if (sub == kNoNode || !read_only_by(e, value, readers)) return kNoValue;
  const ValueId x = e.node(sub).inputs[0], mean = e.node(sub).inputs[1];
  return e.single_reader(mean) && mean_argument(e, mean) == x ? x : kNoValue;
}

// A float32 constant of one number a channel of the last axis.
bool is_row(const Editor& e, ValueId id, Dim channels) {
  const Tensor* constant = e.graph().constant(id);
  if (!constant || constant->dtype() != DType::kFloat32 || !channels.is_known()) return false;
  const Shape& shape = constant->shape();
  return shape.rank() >= 1 && constant->elements() == channels.size() && shape[shape.rank() - 1] == channels;
}

// The constant row that the only reader of `value` applies with `op`, and that reader.
Binary row_reader(const Editor& e, ValueId value, std::string_view op) {
  if (!e.single_reader(value)) return {};
  const NodeId reader = e.readers(value)[0];
  const Node& node = e.node(reader);
  if (!node.is(op) || !keeps_shape_of(e, node, value)) return {};
  const Shape& shape = e.type(value).shape;
  const ValueId other = node.inputs[node.inputs[0] == value ? 1 : 0];
  return is_row(e, other, shape[shape.rank() - 1]) ? Binary{reader, value, other} : Binary{};
}

ValueId flat_row(Editor& e, ValueId row) {
  const Tensor tensor = *e.graph().constant(row);
  if (tensor.shape().rank() == 1) return row;
  return e.add_constant(e.value(row).name + "/row", tensor.reshaped(Shape{tensor.elements()}));
}

Result<ValueId> ones(Editor& e, const std::string& name, int64_t channels) {
  return e.add_constant(name + "/ones",
                        TRY(float_tensor(Shape{channels}, std::vector<double>(static_cast<size_t>(channels), 1.0))));
}

ops::Attributes normalization_attributes(double epsilon) {
  ops::Attributes attributes;
  attributes.set("axis", int64_t{-1});
  attributes.set("epsilon", static_cast<float>(epsilon));
  return attributes;
}

// Replaces the core at `id`, and the scale and bias after it, by one normalisation.
Result<bool> rewrite_core(Editor& e, NodeId id) {
  const Node core = e.node(id);
  const MeanSquare rms = normalized(e, core);
  if (rms.x == kNoValue || !is_float32(e, rms.x)) return false;
  const Shape& shape = e.type(rms.x).shape;
  if (shape.rank() < 1 || !shape[shape.rank() - 1].is_known()) return false;
  // The square reads its argument twice when it is a Mul.
  ValueId x = kNoValue;
  for (size_t readers : {size_t{2}, size_t{3}})
    if (x == kNoValue) x = centred_argument(e, rms.x, readers);
  const bool centred = x != kNoValue;
  if (!centred) x = rms.x;

  Node node{ops::find_op(centred ? "LayerNormalization" : "RMSNormalization"),
            core.name,
            normalization_attributes(rms.epsilon),
            {x},
            core.outputs};
  const Binary scale = row_reader(e, core.outputs[0], "Mul");
  const Binary bias = scale && centred ? row_reader(e, e.node(scale.id).outputs[0], "Add") : Binary{};
  node.inputs.push_back(scale ? flat_row(e, scale.other)
                              : TRY(ones(e, core.name, e.type(x).shape[e.type(x).shape.rank() - 1].size())));
  if (bias) node.inputs.push_back(flat_row(e, bias.other));
  const NodeId last = bias ? bias.id : scale ? scale.id : id;
  node.outputs = e.node(last).outputs;
  e.replace(last, std::move(node));
  return true;
}

// x * m + (bias - mean(x) * m) with m = scale / sqrt(mean((x - mean(x))^2) + epsilon): the form TensorFlow writes.
Result<bool> rewrite_split(Editor& e, NodeId id) {
  const Node root = e.node(id);
  for (size_t side : {size_t{0}, size_t{1}}) {
    const NodeId left = e.producer_is(root.inputs[side], "Mul"), right = e.producer_is(root.inputs[1 - side], "Sub");
    if (left == kNoNode || right == kNoNode) continue;
    const NodeId shifted = e.producer_is(e.node(right).inputs[1], "Mul");
    if (shifted == kNoNode) continue;
    for (const size_t m_side : {size_t{0}, size_t{1}}) {
      const ValueId m = e.node(left).inputs[m_side], x = e.node(left).inputs[1 - m_side];
      const NodeId scaling = e.producer_is(m, "Mul");
      const auto& shift_inputs = e.node(shifted).inputs;
      if (scaling == kNoNode || !read_only_by(e, m, 2) || (shift_inputs[0] != m && shift_inputs[1] != m)) continue;
      const ValueId mean = shift_inputs[shift_inputs[0] == m ? 1 : 0];
      if (mean_argument(e, mean) != x || !is_float32(e, x)) continue;
      const Shape& shape = e.type(x).shape;
      for (size_t s : {size_t{0}, size_t{1}}) {
        const ValueId scale = e.node(scaling).inputs[s], bias = e.node(right).inputs[0];
        const MeanSquare rms = inverse_root_mean_square(e, e.node(scaling).inputs[1 - s]);
        const NodeId centre = e.producer_is(rms.x, "Sub");
        if (centre == kNoNode || e.node(centre).inputs != std::vector<ValueId>{x, mean}) continue;
        if (!is_row(e, scale, shape[shape.rank() - 1]) || !is_row(e, bias, shape[shape.rank() - 1])) continue;
        e.replace(id, {ops::find_op("LayerNormalization"),
                       root.name,
                       normalization_attributes(rms.epsilon),
                       {x, flat_row(e, scale), flat_row(e, bias)},
                       root.outputs});
        return true;
      }
    }
  }
  return false;
}

}  // namespace

Result<int> recognise_normalization(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    for (NodeId id = 0; id < e.size(); ++id) {
      if (!e.alive(id)) continue;
      const Node& node = e.node(id);
      if (node.is("Div") || node.is("Mul")) changes += TRY(rewrite_core(e, id));
      else if (node.is("Add")) changes += TRY(rewrite_split(e, id));
    }
  }
  return changes;
}

}  // namespace tercel::passes
