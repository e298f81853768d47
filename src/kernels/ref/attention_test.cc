#include "kernels/ref/test_tensors.h"
#include "ops/elementwise_program.h"

namespace tercel::kernels {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// [B, S, heads * D] as [B, heads, S, D].
Tensor split_heads(const Tensor& x, int64_t heads) {
  const int64_t batch = x.shape().size(0), length = x.shape().size(1), columns = x.shape().size(2) / heads;
  Tensor y = Tensor::zeros(DType::kFloat32, {Dim(batch), Dim(heads), Dim(length), Dim(columns)}).value();
  for (int64_t i = 0; i < x.elements(); ++i) {
    const int64_t d = i % columns, h = i / columns % heads, s = i / (columns * heads) % length,
                  b = i / (columns * heads * length);
    y.mutable_as<float>()[((b * heads + h) * length + s) * columns + d] = at(x, i);
  }
  return y;
}

// Attention, its packed form and tercel.Attention against MatMul and Softmax.
TEST(Attention, IsSoftmaxOfScoresTimesValues) {
  std::mt19937_64 random(test_seed());
  for (int i = 0; i < 20; ++i) {
    const auto pick = [&](int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); };
    const int64_t batch = pick(0, 2), heads = pick(1, 3), queries = pick(1, 4), keys = pick(1, 5), columns = pick(1, 4),
                  values = pick(1, 3);
    const Tensor q = random_f32({batch, queries, heads * columns}, random),
                 k = random_f32({batch, keys, heads * columns}, random), v = random_f32({batch, keys, heads * values}, random),
                 mask = random_f32({batch, 1, queries, keys}, random);
    const Tensor q4 = split_heads(q, heads), k4 = split_heads(k, heads), v4 = split_heads(v, heads);
    const float scale = 0.7f;
    const Tensor scores = run({"tercel.MatMul", attributes({{"transB", int64_t{1}}, {"alpha", scale}}), {q4, k4}});
    const Tensor expected = run({"MatMul", {}, {run({"Softmax", {}, {run({"Add", {}, {scores, mask}})}}), v4}});
    expect_near(run({"Attention", attributes({{"scale", scale}}), {q4, k4, v4, mask}}), expected, 1e-5);
    const auto packed = attributes({{"scale", scale}, {"q_num_heads", heads}, {"kv_num_heads", heads}});
    expect_near(split_heads(run({"Attention", packed, {q, k, v, mask}}), heads), expected, 1e-5);
    const auto fused = attributes({{"scale", scale}, {"num_heads", heads}});
    expect_near(split_heads(run({"tercel.Attention", fused, {q, k, v, mask}}), heads), expected, 1e-5);
    if (testing::Test::HasFailure()) return;
  }
}

// One column, all keys alike: the output is the mean of the values that a mask lets through.
TEST(Attention, Masks) {
  const Tensor q = f32({1, 1, 2, 1}, {1, 1}), k = f32({1, 1, 4, 1}, {0, 0, 0, 0}), v = f32({1, 1, 4, 1}, {1, 3, 5, 11});
  const auto causal = attributes({{"is_causal", int64_t{1}}});
  const auto none = std::nullopt;
  check_values({
      {"no mask", "Attention", {}, {q, k, v}, f32({1, 1, 2, 1}, {5, 5})},
      {"upper left", "Attention", causal, {q, k, v}, f32({1, 1, 2, 1}, {1, 2})},
      {"truth", "Attention", {}, {q, k, v, boolean({2, 4}, {1, 1, 0, 0, 0, 0, 1, 1})}, f32({1, 1, 2, 1}, {2, 8})},
      {"added", "Attention", {}, {q, k, v, f32({1, 4}, {0, -kInf, 0, -kInf})}, f32({1, 1, 2, 1}, {3, 3})},
      {"short mask", "Attention", {}, {q, k, v, boolean({2, 2}, {1, 1, 0, 1})}, f32({1, 1, 2, 1}, {2, 3})},
      {"both", "Attention", causal, {q, k, v, boolean({2, 4}, {1, 0, 0, 0, 0, 1, 1, 1})}, f32({1, 1, 2, 1}, {1, 3})},
      {"lengths", "Attention", {}, {q, k, v, none, none, none, i64({1}, {3})}, f32({1, 1, 2, 1}, {3, 3})},
      {"nothing left",
       "Attention",
       {},
       {q, k, v, none, none, none, i64({1}, {0})},
       f32({1, 1, 2, 1}, {std::nan(""), std::nan("")})},
  });
}

TEST(Attention, PastAndGroups) {
  // Two query heads share one key head; the past holds one token.
  const Tensor q = f32({1, 2, 1, 1}, {0, 0}), k = f32({1, 1, 1, 1}, {7}), v = f32({1, 1, 1, 2}, {3, 5});
  const Tensor past_k = f32({1, 1, 1, 1}, {9}), past_v = f32({1, 1, 1, 2}, {1, 1});
  const auto outputs = run_op({"Attention", {}, {q, k, v, std::nullopt, past_k, past_v}, {true, true, true, true}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().message();
  expect_near(outputs.value()[0], f32({1, 2, 1, 2}, {2, 3, 2, 3}));
  expect_near(outputs.value()[1], f32({1, 1, 2, 1}, {9, 7}));
  expect_near(outputs.value()[2], f32({1, 1, 2, 2}, {1, 1, 3, 5}));
  expect_near(outputs.value()[3], f32({1, 2, 1, 2}, {0, 0, 0, 0}));
  const OpCase soft{"Attention",
                    attributes({{"softcap", 1.0f}, {"scale", 1.0f}, {"qk_matmul_output_mode", int64_t{1}}}),
                    {f32({1, 1, 1, 1}, {1}), k, v},
                    {true, false, false, true}};
  expect_near(run(soft, 3), f32({1, 1, 1, 1}, {std::tanh(7.0)}));
}

TEST(Attention, Rotary) {
  const Tensor cosine = f32({2, 1}, {1, 0}), sine = f32({2, 1}, {0, 1});  // position 1 turns by a right angle
  const Tensor x = f32({1, 1, 2, 2}, {1, 2, 3, 4});
  check_values({
      {"by position", "RotaryEmbedding", {}, {x, cosine, sine, i64({1, 2}, {0, 1})}, f32({1, 1, 2, 2}, {1, 2, -4, 3})},
      {"outside the table",
       "RotaryEmbedding",
       {},
       {x, cosine, sine, i64({1, 2}, {0, 2})},
       f32({1, 1, 2, 2}, {1, 2, std::nan(""), std::nan("")})},
      {"tables per token",
       "RotaryEmbedding",
       {},
       {x, f32({1, 2, 1}, {0, 1}), f32({1, 2, 1}, {1, 0})},
       f32({1, 1, 2, 2}, {-2, 1, 3, 4})},
      {"a part of the head",
       "RotaryEmbedding",
       attributes({{"rotary_embedding_dim", int64_t{2}}, {"num_heads", int64_t{1}}}),
       {f32({1, 1, 3}, {1, 2, 9}), cosine, sine, i64({1, 1}, {1})},
       f32({1, 1, 3}, {-2, 1, 9})},
      {"halves",
       "RotaryEmbedding",
       {},
       {f32({1, 1, 1, 4}, {1, 2, 3, 4}), f32({1, 1, 2}, {0, 1}), f32({1, 1, 2}, {1, 0})},
       f32({1, 1, 1, 4}, {-3, 2, 1, 4})},
      {"interleaved",
       "RotaryEmbedding",
       attributes({{"interleaved", int64_t{1}}}),
       {f32({1, 1, 1, 4}, {1, 2, 3, 4}), f32({1, 1, 2}, {0, 1}), f32({1, 1, 2}, {1, 0})},
       f32({1, 1, 1, 4}, {-2, 1, 3, 4})},
  });
}

// The linear rule is attention without softmax: o_t = scale * sum over s <= t of (q_t . k_s) v_s.
TEST(Attention, LinearRule) {
  std::mt19937_64 random(test_seed());
  const int64_t length = 4, columns = 3, values = 2;
  const Tensor q = random_f32({2, length, columns}, random), k = random_f32({2, length, columns}, random),
               v = random_f32({2, length, values}, random);
  Tensor expected = Tensor::zeros(DType::kFloat32, {2, length, values}).value();
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t t = 0; t < length; ++t)
      for (int64_t s = 0; s <= t; ++s) {
        float dot = 0;
        for (int64_t d = 0; d < columns; ++d)
          dot += at(q, (b * length + t) * columns + d) * at(k, (b * length + s) * columns + d);
        for (int64_t m = 0; m < values; ++m)
          expected.mutable_as<float>()[(b * length + t) * values + m] += 0.5f * dot * at(v, (b * length + s) * values + m);
      }
  const auto heads = [](std::string_view rule) {
    return attributes({{"q_num_heads", int64_t{1}}, {"kv_num_heads", int64_t{1}}, {"scale", 0.5f}, {"update_rule", text(rule)}});
  };
  expect_near(run({"LinearAttention", heads("linear"), {q, k, v}}), expected, 1e-5);
  // A state that is carried over gives what one long sequence gives.
  const Tensor zero = f32({1, 1, 1}, {0}), one = f32({1, 1, 1}, {1});
  const Tensor two = f32({1, 1, 1}, {2}), three = f32({1, 1, 1}, {3});
  const OpCase first{"LinearAttention", heads("gated_delta"), {one, two, three, std::nullopt, zero, one}, {true, true}};
  const Tensor state = run(first, 1);  // 2 * 3
  expect_near(state, f32({1, 1, 1, 1}, {6}));
  // Decay log(1/2): 3; retrieved 3 * 2 = 6; written 0.5 * (3 - 6) * 2 = -3; read 0.5 * 1 * 0.
  const OpCase second{"LinearAttention",
                      heads("gated_delta"),
                      {one, two, three, state, f32({1, 1, 1}, {std::log(0.5)}), f32({1, 1, 1}, {0.5})},
                      {true, true}};
  expect_near(run(second, 1), f32({1, 1, 1, 1}, {0}));
}

TEST(Attention, CausalConv) {
  const Tensor x = f32({1, 1, 3}, {1, 2, 3}), w = f32({1, 1, 2}, {10, 1});
  check_values({
      {"starts with zeros", "CausalConvWithState", {}, {x, w}, f32({1, 1, 3}, {1, 12, 23})},
      {"starts with the past",
       "CausalConvWithState",
       {},
       {x, w, f32({1}, {100}), f32({1, 1, 1}, {5})},
       f32({1, 1, 3}, {151, 112, 123})},
      {"activation",
       "CausalConvWithState",
       attributes({{"activation", text("silu")}}),
       {f32({1, 1, 1}, {1}), f32({1, 1, 1}, {2})},
       f32({1, 1, 1}, {1.76159416})},
  });
  expect_near(run({"CausalConvWithState", {}, {x, w}, {true, true}}, 1), f32({1, 1, 1}, {3}));
}

TEST(Attention, Refusals) {
  const Tensor q = f32({1, 1, 1, 2}, {0, 0}), flat = f32({1, 1, 2}, {0, 0});
  check_refusals({
      {"Attention", {}, {q, flat, q}, "rank"},
      {"Attention", {}, {flat, flat, flat}, "q_num_heads"},
      {"Attention", attributes({{"q_num_heads", int64_t{3}}, {"kv_num_heads", int64_t{1}}}), {flat, flat, flat}, "divide"},
      {"Attention", {}, {q, q, q, std::nullopt, q}, "together"},
      {"Attention", {}, {q, q, q, f32({1, 5}, {0, 0, 0, 0, 0})}, "broadcast"},
      {"RotaryEmbedding", {}, {flat, flat, flat}, "num_heads"},
      {"tercel.Attention", attributes({{"num_heads", int64_t{0}}}), {flat, flat, flat}, "num_heads"},
      {"LinearAttention", attributes({{"q_num_heads", int64_t{1}}, {"kv_num_heads", int64_t{1}}}), {flat, flat, flat}, "decay"},
  });
}

// (x * 2 + y) clipped to [0, 5], y broadcast.
TEST(FusedElementwise, RunsItsProgram) {
  using enum ops::ElementwiseCode;
  ops::ElementwiseProgram program;
  program.constants = {2, 0, 5};
  program.instructions = {{kMultiplyAdd, 0, ops::kFirstConstant, 1},
                          {kClip, ops::kFirstResult, ops::kFirstConstant + 1, ops::kFirstConstant + 2}};
  ops::Attributes attributes;
  ops::set_elementwise_program(attributes, program);
  check_values({{"clipped",
                 "tercel.FusedElementwise",
                 attributes,
                 {f32({2, 2}, {1, 2, -3, 0}), f32({2}, {1, 2})},
                 f32({2, 2}, {3, 5, 0, 2})}});
}

// Every code of a program against the operator of the same meaning.
TEST(FusedElementwise, CodesMeanTheirOperators) {
  using enum ops::ElementwiseCode;
  const std::pair<ops::ElementwiseCode, std::string_view> codes[] = {{kAdd, "Add"},
                                                                     {kSubtract, "Sub"},
                                                                     {kMultiply, "Mul"},
                                                                     {kDivide, "Div"},
                                                                     {kMin, "Min"},
                                                                     {kMax, "Max"},
                                                                     {kPow, "Pow"},
                                                                     {kNegate, "Neg"},
                                                                     {kAbs, "Abs"},
                                                                     {kExp, "Exp"},
                                                                     {kLog, "Log"},
                                                                     {kSqrt, "Sqrt"},
                                                                     {kReciprocal, "Reciprocal"},
                                                                     {kTanh, "Tanh"},
                                                                     {kSigmoid, "Sigmoid"},
                                                                     {kErf, "Erf"},
                                                                     {kRelu, "Relu"},
                                                                     {kFloor, "Floor"},
                                                                     {kCeil, "Ceil"},
                                                                     {kRound, "Round"},
                                                                     {kSin, "Sin"},
                                                                     {kCos, "Cos"},
                                                                     {kSoftplus, "Softplus"},
                                                                     {kSilu, "Swish"},
                                                                     {kGelu, "Gelu"},
                                                                     {kHardSwish, "HardSwish"}};
  const Tensor a = f32({8}, {-2.5, -1, -0.0, 0, 0.5, 1, 3, std::nan("")}), b = f32({8}, {2, -1, 0, 1, 0.5, std::nan(""), 3, 1});
  for (const auto& [code, op] : codes) {
    SCOPED_TRACE(op);
    const bool two = ops::operand_count(code) == 2;
    ops::ElementwiseProgram program;
    program.instructions = {{code, 0, static_cast<int16_t>(two ? 1 : 0)}};
    ops::Attributes attributes;
    ops::set_elementwise_program(attributes, program);
    std::vector<std::optional<Tensor>> inputs = {a};
    if (two) inputs.push_back(b);
    expect_near(run({"tercel.FusedElementwise", attributes, inputs}), run({op, {}, inputs}));
  }
}

}  // namespace
}  // namespace tercel::kernels
