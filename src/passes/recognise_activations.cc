#include <cmath>

#include "passes/passes.h"
#include "passes/product.h"

namespace tercel::passes {

namespace {

constexpr double kSqrtHalf = 0.70710678118654752440, kSqrtTwoOverPi = 0.79788456080286535588, kGeluCubic = 0.044715;

// What an activation is rewritten to.
struct Found {
  std::string_view op;  // empty: nothing was found
  ValueId x = kNoValue;
  ops::Attributes attributes;
};

// value = constant + slope * f, where only the sum reads f and only the pattern reads the value.
struct AffineOf {
  ValueId f = kNoValue;
  double constant = 0, slope = 1;
};
AffineOf affine_of(const Editor& e, ValueId value) {
  AffineOf affine;
  const Binary sum = sum_with_constant(e, value, &affine.constant);
  if (!sum || !e.single_reader(sum.x)) return {};
  const Scaled scaled = peel_scale(e, sum.x);
  return {scaled.x, affine.constant, scaled.factor};
}

// value = sqrt(2 / pi) * (x + 0.044715 x^3), the cubic written as a sum or with x in front.
bool is_gelu_cubic(const Editor& e, ValueId value, ValueId x) {
  const Product product = product_of(e, value);
  if (!is_near(product.constant, kSqrtTwoOverPi)) return false;
  if (product.factors.size() == 1) {
    const NodeId add = e.producer_is(product.factors[0], "Add");
    if (add == kNoNode || !e.single_reader(product.factors[0])) return false;
    const auto& inputs = e.node(add).inputs;
    return (inputs[0] == x && is_power(e, inputs[1], x, 3, kGeluCubic)) ||
           (inputs[1] == x && is_power(e, inputs[0], x, 3, kGeluCubic));
  }
  if (product.factors.size() != 2) return false;
  const ValueId inner = product.factors[product.factors[0] == x ? 1 : 0];
  double constant = 0;
  const Binary sum = sum_with_constant(e, inner, &constant);
  return (product.factors[0] == x || product.factors[1] == x) && sum && constant == 1 && is_power(e, sum.x, x, 2, kGeluCubic);
}

// x * (1 + erf(x / sqrt(2))) / 2, or with tanh; `other` is the sum.
Found gelu(const Editor& e, double constant, ValueId x, ValueId other) {
  const AffineOf sum = affine_of(e, other);
  if (sum.f == kNoValue || !is_near(constant * sum.constant, 0.5) || !is_near(constant * sum.slope, 0.5)) return {};
  if (!e.single_reader(sum.f)) return {};
  const NodeId erf = e.producer_is(sum.f, "Erf"), tanh = e.producer_is(sum.f, "Tanh");
  Found found{"Gelu", x};
  if (erf != kNoNode) {
    if (!e.single_reader(e.node(erf).inputs[0])) return {};
    const Scaled argument = peel_scale(e, e.node(erf).inputs[0]);
    return argument.x == x && is_near(argument.factor, kSqrtHalf) ? found : Found{};
  }
  if (tanh == kNoNode || !e.single_reader(e.node(tanh).inputs[0]) || !is_gelu_cubic(e, e.node(tanh).inputs[0], x)) return {};
  found.attributes.set("approximate", std::string("tanh"));
  return found;
}

// value = min(max(x, 0), 6), as Clip or as Min of Relu; x.
ValueId relu6_argument(const Editor& e, ValueId value) {
  const NodeId clip = e.producer_is(value, "Clip");
  if (clip != kNoNode) {
    const Node& node = e.node(clip);
    const bool bounds = scalar_of(e, input_of(node, 1)) == 0.0 && scalar_of(e, input_of(node, 2)) == 6.0;
    return bounds ? node.inputs[0] : kNoValue;
  }
  double six = 0;
  const Binary min = scalar_operand(e, value, "Min", &six);
  const NodeId relu = min && six == 6 && e.single_reader(min.x) ? e.producer_is(min.x, "Relu") : kNoNode;
  return relu == kNoNode ? kNoValue : e.node(relu).inputs[0];
}

// value = relu6(x + 3); x. Divided by 6 it is the hard sigmoid.
ValueId hard_gate_argument(const Editor& e, ValueId value) {
  const ValueId sum = e.single_reader(value) ? relu6_argument(e, value) : kNoValue;
  double three = 0;
  const Binary add = sum == kNoValue ? Binary{} : sum_with_constant(e, sum, &three);
  return add && three == 3 ? add.x : kNoValue;
}

bool is_hard_sigmoid_of(const Editor& e, ValueId value, ValueId x) {
  const NodeId id = e.producer_is(value, "HardSigmoid");
  if (id == kNoNode || !e.single_reader(value) || e.node(id).inputs[0] != x) return false;
  const auto& attributes = e.node(id).attributes;
  return is_near(attributes.get_float("alpha", 0.2f), 1.0 / 6) && is_near(attributes.get_float("beta", 0.5f), 0.5);
}

bool is_sigmoid_of(const Editor& e, ValueId value, ValueId x) {
  const NodeId id = e.producer_is(value, "Sigmoid");
  return id != kNoNode && e.single_reader(value) && e.node(id).inputs[0] == x;
}

Found hard_sigmoid(const Editor& e, const Product& product) {
  const ValueId x = hard_gate_argument(e, product.factors[0]);
  if (x == kNoValue || !is_near(product.constant, 1.0 / 6)) return {};
  Found found{"HardSigmoid", x};
  found.attributes.set("alpha", 1.0f / 6);
  found.attributes.set("beta", 0.5f);
  return found;
}

Found find(const Editor& e, ValueId value) {
  const Product product = product_of(e, value);
  if (product.factors.size() == 1) return hard_sigmoid(e, product);
  if (product.factors.size() != 2) return {};
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const ValueId x = product.factors[side], other = product.factors[1 - side];
    if (product.constant == 1 && is_sigmoid_of(e, other, x)) return {"Swish", x};
    if (product.constant == 1 && is_hard_sigmoid_of(e, other, x)) return {"HardSwish", x};
    if (is_near(product.constant, 1.0 / 6) && hard_gate_argument(e, other) == x) return {"HardSwish", x};
    if (Found found = gelu(e, product.constant, x, other); !found.op.empty()) return found;
  }
  return {};
}

bool rewrite(Editor& e, NodeId id) {
  const Node node = e.node(id);
  const Found found = find(e, node.outputs[0]);
  if (found.op.empty() || !is_float32(e, found.x)) return false;
  // Scalar constants of a higher rank would have given the output leading ones.
  if (e.type(found.x).shape.rank() != e.type(node.outputs[0]).shape.rank()) return false;
  e.replace(id, {ops::find_op(found.op), node.name, found.attributes, {found.x}, node.outputs});
  return true;
}

}  // namespace

Result<int> recognise_activations(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    for (NodeId id = 0; id < e.size(); ++id)
      if (e.alive(id) && (e.node(id).is("Mul") || e.node(id).is("Div"))) changes += rewrite(e, id);
  }
  return changes;
}

}  // namespace tercel::passes
