#include <cmath>

#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

std::vector<Tensor> run(std::string_view op, const ops::Attributes& attributes, std::vector<std::optional<Tensor>> inputs,
                        size_t outputs) {
  auto result = run_op({op, attributes, std::move(inputs), std::vector<bool>(outputs, true)});
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
  return result.ok() ? result.take() : std::vector<Tensor>(outputs, f32({}, {0}));
}

// Two steps of one unit, by the formulas of the specification.
TEST(Recurrent, LstmByHand) {
  const Tensor x = f32({2, 1, 1}, {0.5, -1}), w = f32({1, 4, 1}, {1, 2, 3, 4}), r = f32({1, 4, 1}, {0.1, 0.2, 0.3, 0.4});
  const Tensor b = f32({1, 8}, {0.01, 0.02, 0.03, 0.04, 0.1, 0.2, 0.3, 0.4}), p = f32({1, 3}, {0.5, -0.5, 0.25});
  double h = 0, c = 0, first = 0;
  for (int t = 0; t < 2; ++t) {
    const double xt = t == 0 ? 0.5 : -1;
    const double i = sigmoid(1 * xt + 0.1 * h + 0.11 + 0.5 * c), f = sigmoid(3 * xt + 0.3 * h + 0.33 + 0.25 * c);
    const double g = std::tanh(4 * xt + 0.4 * h + 0.44), old = h;
    c = f * c + i * g;
    h = sigmoid(2 * xt + 0.2 * old + 0.22 - 0.5 * c) * std::tanh(c);
    if (t == 0) first = h;
  }
  const auto y =
      run("LSTM", attributes({{"hidden_size", int64_t{1}}}), {x, w, r, b, std::nullopt, std::nullopt, std::nullopt, p}, 3);
  expect_near(y[0], f32({2, 1, 1, 1}, {first, h}));
  expect_near(y[1], f32({1, 1, 1}, {h}));
  expect_near(y[2], f32({1, 1, 1}, {c}));
}

TEST(Recurrent, GruByHand) {
  const Tensor x = f32({1, 1, 1}, {0.5}), w = f32({1, 3, 1}, {1, 2, 3}), r = f32({1, 3, 1}, {0.1, 0.2, 0.3});
  const Tensor b = f32({1, 6}, {0.01, 0.02, 0.03, 0.1, 0.2, 0.3}), h0 = f32({1, 1, 1}, {0.7});
  const double z = sigmoid(0.5 + 0.07 + 0.11), reset = sigmoid(1 + 0.14 + 0.22);
  for (const bool linear : {false, true}) {
    const double inner = linear ? reset * (0.3 * 0.7 + 0.3) : 0.3 * reset * 0.7 + 0.3;
    const double h = (1 - z) * std::tanh(1.5 + inner + 0.03) + z * 0.7;
    const auto y = run("GRU", attributes({{"linear_before_reset", int64_t{linear}}}), {x, w, r, b, std::nullopt, h0}, 2);
    expect_near(y[1], f32({1, 1, 1}, {h}));
  }
}

TEST(Recurrent, FunctionsAndClip) {
  const Tensor x = f32({1, 1, 1}, {2}), w = f32({1, 1, 1}, {1}), r = f32({1, 1, 1}, {0});
  const auto with = [](const char* name, std::vector<float> alpha = {}, std::vector<float> beta = {}) {
    return attributes({{"activations", std::vector<std::string>{name}}, {"activation_alpha", alpha}, {"activation_beta", beta}});
  };
  const struct {
    ops::Attributes attributes;
    double expected;
  } kCases[] = {
      {with("Relu"), 2},
      {with("tanh"), std::tanh(2)},
      {with("Affine", {3}, {1}), 7},
      {with("ThresholdedRelu", {2.5}), 0},
      {with("ScaledTanh", {2}, {0.5}), 2 * std::tanh(1)},
      {with("HardSigmoid"), 0.9},
      {with("Softsign"), 2.0 / 3},
      {with("Softplus"), std::log1p(std::exp(2.0))},
      {attributes({{"clip", 0.5f}}), std::tanh(0.5)},
  };
  for (const auto& c : kCases) expect_near(run("RNN", c.attributes, {x, w, r}, 2)[1], f32({1, 1, 1}, {c.expected}));
}

// A backward pass is a forward pass over the reversed input; both directions together are the two side by side; batch-first
// is a transpose; and padding never shows.
TEST(Recurrent, DirectionsLayoutsAndLengthsAgree) {
  std::mt19937_64 random(test_seed());
  constexpr int64_t kTime = 5, kBatch = 3, kInput = 4, kHidden = 6;
  const auto axis = [](const Tensor& t, int64_t from, int64_t to, int64_t a) {
    return run("Slice", {}, {t, i64({1}, {from}), i64({1}, {to}), i64({1}, {a})}, 1)[0];
  };
  const auto permuted = [](const Tensor& t, std::initializer_list<int64_t> perm) {
    return run("Transpose", attributes({{"perm", ints(perm)}}), {t}, 1)[0];
  };
  for (const auto& [op, gates] : {std::pair{"LSTM", 4}, std::pair{"GRU", 3}, std::pair{"RNN", 1}}) {
    SCOPED_TRACE(op);
    const Tensor x = random_f32({kTime, kBatch, kInput}, random), w = random_f32({2, gates * kHidden, kInput}, random);
    const Tensor r = random_f32({2, gates * kHidden, kHidden}, random), b = random_f32({2, 2 * gates * kHidden}, random),
                 h = random_f32({2, kBatch, kHidden}, random);
    const Tensor lengths = i32({3}, {5, 2, 0});
    const auto both = run(op, attributes({{"direction", text("bidirectional")}}), {x, w, r, b, lengths, h}, 2);
    for (const int64_t d : {0, 1}) {
      const auto one =
          run(op, attributes({{"direction", text(d ? "reverse" : "forward")}}),
              {x, axis(w, d, d + 1, 0), axis(r, d, d + 1, 0), axis(b, d, d + 1, 0), lengths, axis(h, d, d + 1, 0)}, 2);
      expect_near(one[0], axis(both[0], d, d + 1, 1));
      expect_near(one[1], axis(both[1], d, d + 1, 0));
    }
    const auto batch_first = run(op, attributes({{"direction", text("bidirectional")}, {"layout", int64_t{1}}}),
                                 {permuted(x, {1, 0, 2}), w, r, b, lengths, permuted(h, {1, 0, 2})}, 2);
    expect_near(batch_first[0], permuted(both[0], {2, 0, 1, 3}));
    expect_near(batch_first[1], permuted(both[1], {1, 0, 2}));
    // The second sequence alone, cut to its two steps; zeros after them; the third keeps its initial state.
    const auto cut = run(op, attributes({{"direction", text("bidirectional")}}),
                         {axis(axis(x, 0, 2, 0), 1, 2, 1), w, r, b, std::nullopt, axis(h, 1, 2, 1)}, 2);
    expect_near(axis(axis(both[0], 0, 2, 0), 1, 2, 2), cut[0]);
    expect_near(axis(both[1], 1, 2, 1), cut[1]);
    for (int64_t i = 0; i < 3 * 2 * kHidden; ++i) ASSERT_EQ(at(axis(axis(both[0], 2, 5, 0), 1, 2, 2), i), 0);
    expect_near(axis(both[1], 2, 3, 1), axis(h, 2, 3, 1));
  }
}

TEST(Recurrent, OtherFloatTypes) {
  const auto y = run("RNN", {}, {f64({1, 1, 1}, {0.5}), f64({1, 1, 1}, {1}), f64({1, 1, 1}, {0})}, 1);
  expect_near(y[0], f64({1, 1, 1, 1}, {std::tanh(0.5)}), 1e-15);
  const auto half = run("RNN", {}, {f16({1, 1, 1}, {0.5}), f16({1, 1, 1}, {1}), f16({1, 1, 1}, {0})}, 1);
  expect_near(half[0], f16({1, 1, 1, 1}, {std::tanh(0.5)}), 1e-3);
}

TEST(Recurrent, Refusals) {
  const Tensor x = f32({1, 1, 2}, {1, 2}), w = f32({1, 1, 2}, {1, 2}), r = f32({1, 1, 1}, {1});
  check_refusals({
      {"RNN", attributes({{"direction", text("sideways")}}), {x, w, r}, "\"sideways\""},
      {"RNN", attributes({{"direction", text("bidirectional")}}), {x, w, r}, "must have shape 2x1x2"},
      {"RNN", attributes({{"activations", std::vector<std::string>{"Tanh", "Tanh"}}}), {x, w, r}, "names 2 functions"},
      {"RNN", attributes({{"activations", std::vector<std::string>{"Swish"}}}), {x, w, r}, "\"Swish\""},
      {"RNN", attributes({{"hidden_size", int64_t{2}}}), {x, w, r}, "differ"},
      {"RNN", {}, {x, w, r, f32({1, 3}, {1, 2, 3})}, "must have shape 1x2"},
      {"LSTM", {}, {x, w, r}, "must have shape 1x4x2"},
      {"GRU", attributes({{"layout", int64_t{2}}}), {x, w, r}, "layout is 2"},
  });
}

}  // namespace
}  // namespace tercel::kernels
