// recognise-normalization, recognise-activations and recognise-softmax.
#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

struct PatternCase {
  const char* name;
  ValueId (*make)(Builder&, ValueId x);  // x is float32 [batch, 5, 8], read by the pattern only
  const char* becomes;                   // empty: nothing is recognised
};

ValueId mean(Builder& b, ValueId x) { return b.node("ReduceMean", {x, b.integers({-1})}); }
ValueId inverse_deviation(Builder& b, ValueId centred) {
  return b.node("Reciprocal", {b.node("Sqrt", {b.node("Add", {mean(b, b.node("Mul", {centred, centred})), b.scalar(1e-3f)})})});
}

const PatternCase kNormalizations[] = {
    {"layer norm as torch writes it", [](Builder& b, ValueId x) { return b.layer_norm(x, 8); }, "LayerNormalization"},
    {"without scale and bias",
     [](Builder& b, ValueId x) {
       const ValueId c = b.node("Sub", {x, mean(b, x)});
       return b.node("Mul", {c, inverse_deviation(b, c)});
     },
     "LayerNormalization"},
    {"as tensorflow writes it",
     [](Builder& b, ValueId x) {
       const ValueId m = mean(b, x), c = b.node("Sub", {x, m});
       const ValueId scale = b.node("Mul", {inverse_deviation(b, c), b.weight({8})});
       return b.node("Add", {b.node("Mul", {x, scale}), b.node("Sub", {b.weight({8}), b.node("Mul", {m, scale})})});
     },
     "LayerNormalization"},
    {"scale in a higher rank",
     [](Builder& b, ValueId x) {
       const ValueId c = b.node("Sub", {x, mean(b, x)});
       return b.node("Add",
                     {b.weight({1, 1, 8}), b.node("Mul", {b.weight({1, 8}), b.node("Mul", {inverse_deviation(b, c), c})})});
     },
     "LayerNormalization"},
    {"root mean square",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {b.weight({8}), b.node("Mul", {x, inverse_deviation(b, x)})});
     },
     "RMSNormalization"},
    {"root mean square by a power",
     [](Builder& b, ValueId x) {
       const ValueId square = mean(b, b.node("Pow", {x, b.scalar(2)}));
       return b.node("Mul", {x, b.node("Pow", {b.node("Add", {square, b.scalar(1e-3f)}), b.scalar(-0.5f)})});
     },
     "RMSNormalization"},
    {"over another axis",
     [](Builder& b, ValueId x) {
       const ValueId axis = b.integers({1});
       const ValueId c = b.node("Sub", {x, b.node("ReduceMean", {x, axis})});
       const ValueId variance = b.node("ReduceMean", {b.node("Mul", {c, c}), axis});
       return b.node("Div", {c, b.node("Sqrt", {b.node("Add", {variance, b.scalar(1e-3f)})})});
     },
     ""},
    {"the cube of the difference",
     [](Builder& b, ValueId x) {
       const ValueId c = b.node("Sub", {x, mean(b, x)}), cube = b.node("Abs", {b.node("Pow", {c, b.scalar(3)})});
       return b.node("Div", {c, b.node("Sqrt", {b.node("Add", {mean(b, cube), b.scalar(1e-3f)})})});
     },
     ""},
};

ValueId erf_sum(Builder& b, ValueId x) {
  return b.node("Add", {b.node("Erf", {b.node("Mul", {x, b.scalar(0.70710678f)})}), b.scalar(1)});
}
ValueId half(Builder& b, ValueId x) { return b.node("Mul", {b.scalar(0.5f), x}); }
ValueId relu6_of_plus_3(Builder& b, ValueId x) {
  return b.node("Clip", {b.node("Add", {x, b.scalar(3)}), b.scalar(0), b.scalar(6)});
}

const PatternCase kActivations[] = {
    {"gelu: (x * sum) * half", [](Builder& b, ValueId x) { return b.gelu(x); }, "Gelu"},
    {"gelu: (half * x) * sum",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {half(b, x), erf_sum(b, x)});
     },
     "Gelu"},
    {"gelu: x * (half * sum)",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {x, half(b, erf_sum(b, x))});
     },
     "Gelu"},
    {"gelu: sum over two",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {b.node("Div", {erf_sum(b, x), b.scalar(2)}), x});
     },
     "Gelu"},
    {"gelu: x * (half erf + half)",
     [](Builder& b, ValueId x) {
       const ValueId erf = b.node("Erf", {b.node("Mul", {x, b.scalar(0.70710678f)})});
       return b.node("Mul", {x, b.node("Add", {half(b, erf), b.scalar(0.5f)})});
     },
     "Gelu"},
    {"gelu with another constant",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {half(b, x), b.node("Add", {b.node("Erf", {b.node("Mul", {x, b.scalar(0.71f)})}), b.scalar(1)})});
     },
     ""},
    {"gelu of two different values",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {half(b, b.node("Abs", {x})), erf_sum(b, x)});
     },
     ""},
    {"gelu by tanh",
     [](Builder& b, ValueId x) {
       const ValueId cubic = b.node("Add", {x, b.node("Mul", {b.scalar(0.044715f), b.node("Pow", {x, b.scalar(3)})})});
       const ValueId tanh = b.node("Tanh", {b.node("Mul", {b.scalar(0.7978845608f), cubic})});
       return b.node("Mul", {half(b, x), b.node("Add", {b.scalar(1), tanh})});
     },
     "Gelu"},
    {"gelu by tanh, x in front",
     [](Builder& b, ValueId x) {
       const ValueId sum = b.node("Add", {b.node("Mul", {b.node("Mul", {x, x}), b.scalar(0.044715f)}), b.scalar(1)});
       const ValueId tanh = b.node("Tanh", {b.node("Mul", {sum, b.node("Mul", {x, b.scalar(0.7978845608f)})})});
       return b.node("Mul", {x, half(b, b.node("Add", {tanh, b.scalar(1)}))});
     },
     "Gelu"},
    {"silu",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {b.node("Sigmoid", {x}), x});
     },
     "Swish"},
    {"silu with a factor",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {b.node("Sigmoid", {b.node("Mul", {x, b.scalar(1.7f)})}), x});
     },
     ""},
    {"hard sigmoid",
     [](Builder& b, ValueId x) {
       return b.node("Div", {relu6_of_plus_3(b, x), b.scalar(6)});
     },
     "HardSigmoid"},
    {"hard swish: x * (gate / 6)",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {x, b.node("Div", {relu6_of_plus_3(b, x), b.scalar(6)})});
     },
     "HardSwish"},
    {"hard swish: (x * gate) / 6",
     [](Builder& b, ValueId x) {
       return b.node("Div", {b.node("Mul", {relu6_of_plus_3(b, x), x}), b.scalar(6)});
     },
     "HardSwish"},
    {"hard swish: (x * gate) * sixth",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {b.node("Mul", {x, relu6_of_plus_3(b, x)}), b.scalar(1.0f / 6)});
     },
     "HardSwish"},
    {"hard swish by hard sigmoid",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {x, b.node("HardSigmoid", {x}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}})});
     },
     "HardSwish"},
    {"another hard sigmoid",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {x, b.node("HardSigmoid", {x})});
     },
     ""},
    {"another gate",
     [](Builder& b, ValueId x) {
       return b.node("Mul", {x, b.node("Clip", {b.node("Add", {x, b.scalar(3)}), b.scalar(0), b.scalar(5)})});
     },
     ""},
};

const PatternCase kSoftmaxes[] = {
    {"softmax",
     [](Builder& b, ValueId x) {
       const ValueId axis = b.integers({1});
       const ValueId e = b.node("Exp", {b.node("Sub", {x, b.node("ReduceMax", {x, axis})})});
       return b.node("Div", {e, b.node("ReduceSum", {e, axis})});
     },
     "Softmax"},
    {"two different axes",
     [](Builder& b, ValueId x) {
       const ValueId e = b.node("Exp", {b.node("Sub", {x, b.node("ReduceMax", {x, b.integers({1})})})});
       return b.node("Div", {e, b.node("ReduceSum", {e, b.integers({2})})});
     },
     ""},
    {"without the maximum",
     [](Builder& b, ValueId x) {
       const ValueId e = b.node("Exp", {x});
       return b.node("Div", {e, b.node("ReduceSum", {e, b.integers({2})})});
     },
     ""},
};

void expect_recognised(std::span<const PatternCase> cases, Result<int> (*pass)(Model&)) {
  for (const PatternCase& c : cases) {
    SCOPED_TRACE(c.name);
    Builder b;
    const ValueId x = b.node("Neg", {b.input("x", {b.symbol("batch"), 5, 8})});
    b.output(b.node("Neg", {c.make(b, x)}), "y");
    const Model before = b.model;
    const int changes = apply(b.model, pass);
    if (*c.becomes) {
      EXPECT_EQ(count(b.model, c.becomes), 1);
      EXPECT_EQ(b.model.main().nodes.size(), 3u) << graph::to_text(b.model);
    } else {
      EXPECT_EQ(changes, 0) << graph::to_text(b.model);
    }
    expect_same(before, b.model, {{"batch", 3}});
    EXPECT_EQ(apply(b.model, pass), 0);
  }
}

TEST(RecogniseNormalization, Variants) { expect_recognised(kNormalizations, recognise_normalization); }
TEST(RecogniseActivations, Variants) { expect_recognised(kActivations, recognise_activations); }
TEST(RecogniseSoftmax, Variants) { expect_recognised(kSoftmaxes, recognise_softmax); }

// A value inside a pattern that somebody else reads must stay.
TEST(RecogniseNormalization, AnIntermediateOutputStays) {
  Builder b;
  const ValueId x = b.input("x", {2, 8}), m = mean(b, x), c = b.node("Sub", {x, m});
  b.output(b.node("Mul", {c, inverse_deviation(b, c)}), "y");
  b.output(m, "mean");
  const Model before = b.model;
  apply(b.model, recognise_normalization);
  EXPECT_EQ(count(b.model, "LayerNormalization"), 0);
  expect_same(before, b.model);
}

TEST(RecogniseActivations, AnIntermediateOutputStays) {
  Builder b;
  const ValueId x = b.input("x", {2, 8}), sum = erf_sum(b, x);
  b.output(b.node("Mul", {half(b, x), sum}), "y");
  b.output(sum, "sum");
  EXPECT_EQ(apply(b.model, recognise_activations), 0);
}

TEST(RecogniseActivations, ConstantsOfHigherRankThatWidenTheResultStay) {
  Builder b;
  const ValueId x = b.input("x", {4});
  const ValueId gate = b.node("Mul", {b.node("Sigmoid", {x}), x});
  b.output(b.node("Mul", {gate, b.floats({1, 1, 1}, {1})}), "y");
  const Model before = b.model;
  apply(b.model, recognise_activations);
  expect_same(before, b.model);
}

}  // namespace
}  // namespace tercel::passes::testing
