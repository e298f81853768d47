#include <gtest/gtest.h>

#include <cmath>

#include "kernels/simd/row_check.h"

namespace tercel::kernels::simd {
namespace {

struct Sizes {
  int64_t time, batch, input, hidden;
};

struct Form {
  const char *op, *row;
  int64_t gates;
  bool bias = true, states = true;
  std::string direction = "forward";
  int64_t layout = 0, linear_before_reset = 0;
  std::vector<bool> wanted = {true, true, true};
};

OpCase recurrent(std::mt19937& random, const Form& f, const Sizes& s) {
  const int64_t directions = f.direction == "bidirectional" ? 2 : 1, rows = f.gates * s.hidden;
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.hidden));
  const Shape state = f.layout ? Shape{s.batch, directions, s.hidden} : Shape{directions, s.batch, s.hidden};
  OpCase c{.op = f.op};
  c.inputs = {random_floats(random, f.layout ? Shape{s.batch, s.time, s.input} : Shape{s.time, s.batch, s.input}, -1, 1),
              random_floats(random, {directions, rows, s.input}, -scale, scale),
              random_floats(random, {directions, rows, s.hidden}, -scale, scale)};
  c.inputs.push_back(f.bias ? std::optional(random_floats(random, {directions, 2 * rows}, -1, 1)) : std::nullopt);
  c.inputs.push_back(std::nullopt);
  if (f.states) c.inputs.push_back(random_floats(random, state, -1, 1));
  if (f.states && f.gates == 4) c.inputs.push_back(random_floats(random, state, -1, 1));
  c.attributes.set("hidden_size", s.hidden);
  c.attributes.set("direction", f.direction);
  c.attributes.set("layout", f.layout);
  if (f.gates == 3) c.attributes.set("linear_before_reset", f.linear_before_reset);
  c.wanted = f.wanted;
  if (f.gates != 4) c.wanted.resize(2);
  return c;
}

TEST(Recurrent, MatchesTheReferenceInEveryForm) {
  std::mt19937 random(test_seed());
  for (const Form& base : {Form{"LSTM", "lstm/simd", 4}, Form{"GRU", "gru/simd", 3},
                           Form{"GRU", "gru/simd", 3, true, true, "forward", 0, 1}, Form{"RNN", "rnn/simd", 1}}) {
    for (const Sizes& sizes : {Sizes{1, 1, 1, 1}, Sizes{5, 1, 8, 16}, Sizes{7, 2, 33, 20}, Sizes{3, 3, 5, 47},
                               Sizes{4, 5, 12, 32}, Sizes{2, 9, 3, 5}}) {
      for (const char* direction : {"forward", "reverse", "bidirectional"}) {
        for (const int64_t layout : {0, 1}) {
          Form form = base;
          form.direction = direction;
          form.layout = layout;
          expect_like_reference(form.row, recurrent(random, form, sizes), {1e-5, 2e-6});
        }
      }
    }
    Form bare = base;
    bare.bias = bare.states = false;
    expect_like_reference(bare.row, recurrent(random, bare, {6, 2, 10, 18}), {1e-5, 2e-6});
    for (const std::vector<bool>& wanted :
         {std::vector{true, false, false}, std::vector{false, true, false}, std::vector{false, true, true}}) {
      Form some = base;
      some.wanted = wanted;
      expect_like_reference(some.row, recurrent(random, some, {6, 2, 10, 18}), {1e-5, 2e-6});
    }
  }
}

TEST(Recurrent, CutsLargeStepsAndLongSequences) {
  std::mt19937 random(test_seed());
  expect_like_reference("lstm/simd", recurrent(random, {"LSTM", "lstm/simd", 4}, {12, 1, 64, 256}), {1e-5, 5e-6});
  expect_like_reference("lstm/simd", recurrent(random, {"LSTM", "lstm/simd", 4, true, false, "bidirectional"}, {60, 1, 16, 40}),
                        {1e-5, 5e-6});
  expect_like_reference("gru/simd", recurrent(random, {"GRU", "gru/simd", 3}, {6, 3, 40, 200}), {1e-5, 5e-6});
}

TEST(Recurrent, RefusesWhatItDoesNotCompute) {
  std::mt19937 random(test_seed());
  OpCase c = recurrent(random, {"LSTM", "lstm/simd", 4}, {3, 2, 4, 5});
  c.inputs[4] = Tensor::of<int32_t>(DType::kInt32, {2}, std::vector<int32_t>{3, 2});
  EXPECT_EQ(refusal_of_row("lstm/simd", c), "wants sequences of one length, without sequence_lens");
  c = recurrent(random, {"RNN", "rnn/simd", 1}, {3, 2, 4, 5});
  c.attributes.set("activations", std::vector<std::string>{"Relu"});
  EXPECT_EQ(refusal_of_row("rnn/simd", c), "wants the default functions");
}

}  // namespace
}  // namespace tercel::kernels::simd
