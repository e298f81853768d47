#include <limits>

#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();

// x0 <= 1 ? leaf 0 : (x1 <= 2, NaN holds ? leaf 1 : leaf 2), and a tree that is leaf 3 alone, which weighs both targets.
std::vector<std::optional<Tensor>> small_forest(Tensor x) {
  return {std::move(x),
          i32({2, 4}, {0, 0, -1, 1, 1, 2, -2, -3}),
          f32({2}, {1, 2}),
          i32({2}, {0, -4}),
          i32({5}, {0, 1, 2, 3, 5}),
          i32({5}, {0, 0, 1, 0, 1}),
          f32({5}, {10, 20, 30, 1, 2})};
}

ops::Attributes forest(std::string_view aggregate = "SUM") {
  return attributes({{"targets", int64_t{2}}, {"aggregate", text(aggregate)}});
}

TEST(TreeEnsemble, WalksAndCombines) {
  const Tensor x = f32({4, 2}, {1, 9, 2, 2, 2, 3, kNan, kNan});
  auto with_base = small_forest(x);
  with_base.push_back(f32({2}, {100, 200}));
  check_values({
      {"sum", "tercel.TreeEnsemble", forest(), small_forest(x), f32({4, 2}, {11, 2, 21, 2, 1, 32, 21, 2})},
      {"base", "tercel.TreeEnsemble", forest(), with_base, f32({4, 2}, {111, 202, 121, 202, 101, 232, 121, 202})},
      {"average", "tercel.TreeEnsemble", forest("AVERAGE"), small_forest(x), f32({4, 2}, {5.5, 1, 10.5, 1, 0.5, 16, 10.5, 1})},
      {"least", "tercel.TreeEnsemble", forest("MIN"), small_forest(x), f32({4, 2}, {1, 2, 1, 2, 1, 2, 1, 2})},
      {"greatest", "tercel.TreeEnsemble", forest("MAX"), small_forest(x), f32({4, 2}, {10, 2, 20, 2, 1, 30, 20, 2})},
      {"equality",
       "tercel.TreeEnsemble",
       attributes({{"targets", int64_t{1}}}),
       {f32({3, 1}, {0.5, 1, kNan}), i32({1, 4}, {0, 1, -1, -2}), f32({1}, {0.5}), i32({1}, {0}), i32({3}, {0, 1, 2}),
        i32({2}, {0, 0}), f32({2}, {5, 7})},
       f32({3, 1}, {5, 7, 7})},
  });
}

TEST(TreeEnsemble, RefusesTablesThatLeadAstray) {
  const auto changed = [](size_t table, Tensor tensor) {
    auto inputs = small_forest(f32({1, 2}, {0, 0}));
    inputs[table] = std::move(tensor);
    return inputs;
  };
  check_refusals({
      {"tercel.TreeEnsemble", forest(), changed(1, i32({2, 4}, {2, 0, -1, 1, 1, 2, -2, -3})), "tests feature 2"},
      {"tercel.TreeEnsemble", forest(), changed(1, i32({2, 4}, {0, 0, -1, 0, 1, 2, -2, -3})), "no later split"},
      {"tercel.TreeEnsemble", forest(), changed(1, i32({2, 4}, {0, 0, -9, 1, 1, 2, -2, -3})), "no later split and no leaf"},
      {"tercel.TreeEnsemble", forest(), changed(1, i32({2, 4}, {0, 0, INT32_MIN, 1, 1, 2, -2, -3})), "no later split"},
      {"tercel.TreeEnsemble", forest(), changed(2, f32({2}, {1, kNan})), "threshold NaN"},
      {"tercel.TreeEnsemble", forest(), changed(3, i32({1}, {2})), "no split and no leaf"},
      {"tercel.TreeEnsemble", forest(), changed(4, i32({5}, {0, 1, 9, 3, 5})), "do not rise"},
      {"tercel.TreeEnsemble", forest(), changed(4, i32({5}, {0, 1, 2, 3, 6})), "do not cover"},
      {"tercel.TreeEnsemble", forest(), changed(5, i32({5}, {0, 0, 2, 0, 1})), "adds to target 2"},
      {"tercel.TreeEnsemble", forest("MEDIAN"), small_forest(f32({1, 2}, {0, 0})), "aggregate must be"},
  });
}

TEST(ClassScores, LabelsAndTransforms) {
  const Tensor labels = i64({3}, {7, 8, 9}), pair = i64({2}, {-1, 1}), sums = f32({2, 3}, {1, 3, 2, 5, 5, 0});
  const auto run_both = [](const ops::Attributes& a, const Tensor& x, const Tensor& l) {
    return run_op({"tercel.ClassScores", a, {x, l}, {true, true}}).value();
  };
  const auto plain = run_both({}, sums, labels);
  expect_near(plain[0], i64({2}, {8, 7}));
  expect_near(plain[1], sums);
  const auto soft = run_both(attributes({{"post_transform", text("SOFTMAX")}}), f32({1, 3}, {0, std::log(3.0), 0}), labels);
  expect_near(soft[1], f32({1, 3}, {0.2, 0.6, 0.2}));
  const auto negated = run_both(attributes({{"pair", text("negated")}}), f32({2, 1}, {0, 2}), pair);
  expect_near(negated[0], i64({2}, {-1, 1}));
  expect_near(negated[1], f32({2, 2}, {0, 0, -2, 2}));
  const auto half = run_both(attributes({{"pair", text("complement")}, {"above", 0.5f}}), f32({2, 1}, {0.5, 0.75}), pair);
  expect_near(half[0], i64({2}, {-1, 1}));
  expect_near(half[1], f32({2, 2}, {0.5, 0.5, 0.25, 0.75}));
  const auto logistic =
      run_both(attributes({{"pair", text("negated")}, {"post_transform", text("LOGISTIC")}}), f32({1, 1}, {std::log(3.0)}), pair);
  expect_near(logistic[1], f32({1, 2}, {0.25, 0.75}));
}

TEST(PostTransform, Rows) {
  const double e = std::exp(-1.0);
  check_values({
      {"zeros stay",
       "tercel.PostTransform",
       attributes({{"post_transform", text("SOFTMAX_ZERO")}}),
       {f32({2, 3}, {2, 0, 1, 0, 0, 0})},
       f32({2, 3}, {1 / (1 + e), 0, e / (1 + e), 0, 0, 0})},
      {"probit",
       "tercel.PostTransform",
       attributes({{"post_transform", text("PROBIT")}}),
       {f32({1, 3}, {0.5, 0.975, 0.025})},
       f32({1, 3}, {0, 1.959964, -1.959964}),
       5e-3},  // the approximation's own error
  });
}

TEST(PairwiseScores, VotesAndProbabilities) {
  const Tensor labels = i64({3}, {10, 20, 30});
  const auto votes = run_op({"tercel.PairwiseScores", {}, {f32({2, 3}, {1, 1, 1, -1, -1, 1}), labels}, {true, true}}).value();
  expect_near(votes[0], i64({2}, {10, 20}));
  expect_near(votes[1], f32({2, 3}, {1, 1, 1, -1, -1, 1}));
  const auto two = run_op({"tercel.PairwiseScores", {}, {f32({1, 1}, {0.5}), i64({2}, {0, 1})}, {true, true}}).value();
  expect_near(two[1], f32({1, 2}, {-0.5, 0.5}));
  // Two classes: the coupling gives back the pair's own probability.
  const auto platt = run_op({"tercel.PairwiseScores",
                             {},
                             {f32({1, 1}, {1}), i64({2}, {0, 1}), f32({1}, {-std::log(4.0)}), f32({1}, {0})},
                             {true, true}})
                         .value();
  expect_near(platt[1], f32({1, 2}, {0.8, 0.2}), 1e-2);
}

TEST(Lookup, FindsKeys) {
  check_values({
      {"integers",
       "tercel.Lookup",
       {},
       {i64({2, 2}, {5, 1, 2, 9}), i64({3}, {1, 2, 5}), f32({3}, {10, 20, 50}), f32({1}, {-1})},
       f32({2, 2}, {50, 10, 20, -1})},
      {"NaN is a key",
       "tercel.Lookup",
       {},
       {f32({3}, {kNan, 2, 3}), f32({2}, {2, kNan}), i64({2}, {7, 8}), i64({1}, {0})},
       i64({3}, {8, 7, 0})},
      {"NaN is none", "tercel.Lookup", {}, {f32({1}, {kNan}), f32({1}, {2}), i64({1}, {7}), i64({1}, {0})}, i64({1}, {0})},
  });
}

}  // namespace
}  // namespace tercel::kernels
