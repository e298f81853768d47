#include <algorithm>

#include "kernels/ref/classic_binds.h"
#include "kernels/ref/wide.h"
#include "ops/scores.h"

namespace tercel::kernels {

namespace {

using ops::PairRule;
using ops::PostTransform;

constexpr double kProbabilityMin = 1e-7;  // libsvm's bound before probabilities are coupled

bool wants(const StepContext& c, size_t output) { return output < c.outputs.size() && c.outputs[output].present; }

struct Classes {
  PairRule pair;
  double above;
  PostTransform transform;
};

// Turns one row of sums into its scores, in place (there is room for two), and returns the winning class.
int64_t classify(const Classes& rule, std::span<double> row) {
  if (rule.pair == PairRule::kNone) {
    const int64_t best = std::max_element(row.begin(), row.end()) - row.begin();
    ops::transform_scores(rule.transform, row);
    return best;
  }
  const double sum = row[0];
  const bool is_logistic = rule.transform == PostTransform::kLogistic, is_probit = rule.transform == PostTransform::kProbit;
  row[0] = is_probit || (rule.pair == PairRule::kComplement && !is_logistic) ? 1 - sum : -sum;
  row[1] = sum;
  if (is_logistic || is_probit) ops::transform_scores(rule.transform, row);
  return sum > rule.above ? 1 : 0;
}

struct Pairwise {
  int64_t classes, pairs;
  PostTransform transform;
  bool has_probabilities;
};

int64_t winner_of_votes(std::span<const double> decisions, std::span<double> votes) {
  std::fill(votes.begin(), votes.end(), 0.0);
  size_t pair = 0;
  for (size_t i = 0; i < votes.size(); ++i)
    for (size_t j = i + 1; j < votes.size(); ++j, ++pair) votes[decisions[pair] > 0 ? i : j] += 1;
  return std::max_element(votes.begin(), votes.end()) - votes.begin();
}

// r[i * n + j] is the probability of i among i and j.
void pairwise_probabilities(const Buffers& buffers, std::span<const double> decisions, size_t n, double* r) {
  const auto *a = buffers.in<float>(2), *b = buffers.in<float>(3);
  size_t pair = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j, ++pair) {
      const double p = 1 - ops::logistic(decisions[pair] * static_cast<double>(a[pair]) + static_cast<double>(b[pair]));
      r[i * n + j] = std::clamp(p, kProbabilityMin, 1 - kProbabilityMin);
      r[j * n + i] = 1 - r[i * n + j];
    }
  }
}

// One row; `scratch` as bind_pairwise_scores() sizes it. Returns the winning class and leaves the scores in `scores`.
int64_t decide(const Pairwise& p, const Buffers& buffers, std::span<double> decisions, double* scratch,
               std::span<double> scores) {
  const auto n = static_cast<size_t>(p.classes);
  const int64_t winner = winner_of_votes(decisions, {scratch, n});
  if (p.has_probabilities) {
    pairwise_probabilities(buffers, decisions, n, scratch);
    std::fill_n(scores.begin(), n, 0.0);
    ops::couple_pairwise({scratch, n * n}, scores, {scratch + n * n, n * n + n});
    ops::transform_scores(p.transform, scores);
  } else if (n == 2) {
    scores[0] = p.transform == PostTransform::kLogistic ? ops::logistic(-decisions[0]) : -decisions[0];
    scores[1] = p.transform == PostTransform::kLogistic ? ops::logistic(decisions[0]) : decisions[0];
  } else {
    std::copy(decisions.begin(), decisions.end(), scores.begin());
    ops::transform_scores(p.transform, scores);
  }
  return winner;
}

}  // namespace

Result<Kernel> bind_class_scores(const StepContext& c) {
  const Classes rule{TRY(ops::pair_rule_of(c.attributes)), static_cast<double>(c.attributes.get_float("above", 0)),
                     TRY(ops::post_transform_of(c.attributes))};
  const int64_t rows = c.in(0).shape.size(0), sums = c.in(0).shape.size(1), classes = c.in(1).shape.size(0);
  const bool labels = wants(c, 0), scores = wants(c, 1);
  return Kernel(
      [=, type = c.in(0).dtype](const Buffers& buffers) {
        const std::span row(reinterpret_cast<double*>(buffers.scratch), static_cast<size_t>(classes));
        for (int64_t i = 0; i < rows; ++i) {
          load_wide(type, buffers.inputs[0], i * sums, 1, sums, row.data());
          const int64_t winner = classify(rule, row);
          if (labels) buffers.out<int64_t>(0)[i] = buffers.in<int64_t>(1)[winner];
          if (scores) store_wide(DType::kFloat32, buffers.outputs[1], i * classes, 1, classes, row.data());
        }
      },
      static_cast<size_t>(classes) * sizeof(double));
}

Result<Kernel> bind_pairwise_scores(const StepContext& c) {
  const Pairwise p{c.in(1).shape.size(0), c.in(0).shape.size(1), TRY(ops::post_transform_of(c.attributes)), c.has(2)};
  const int64_t rows = c.in(0).shape.size(0);
  const int64_t width = p.has_probabilities || p.classes == 2 ? p.classes : p.pairs;
  const bool labels = wants(c, 0), scores = wants(c, 1);
  const auto work = static_cast<size_t>(2 * p.classes * p.classes + p.classes);
  return Kernel(
      [=](const Buffers& buffers) {
        auto* const scratch = reinterpret_cast<double*>(buffers.scratch);
        const std::span decisions(scratch + work, static_cast<size_t>(p.pairs));
        const std::span row(scratch + work + p.pairs, static_cast<size_t>(width));
        for (int64_t i = 0; i < rows; ++i) {
          load_wide(DType::kFloat32, buffers.inputs[0], i * p.pairs, 1, p.pairs, decisions.data());
          const int64_t winner = decide(p, buffers, decisions, scratch, row);
          if (labels) buffers.out<int64_t>(0)[i] = buffers.in<int64_t>(1)[winner];
          if (scores) store_wide(DType::kFloat32, buffers.outputs[1], i * width, 1, width, row.data());
        }
      },
      (work + static_cast<size_t>(p.pairs + width)) * sizeof(double));
}

Result<Kernel> bind_post_transform(const StepContext& c) {
  const PostTransform transform = TRY(ops::post_transform_of(c.attributes));
  const int64_t rows = c.in(0).shape.size(0), columns = c.in(0).shape.size(1);
  return Kernel(
      [=, type = c.in(0).dtype](const Buffers& buffers) {
        auto* const row = reinterpret_cast<double*>(buffers.scratch);
        for (int64_t i = 0; i < rows; ++i) {
          load_wide(type, buffers.inputs[0], i * columns, 1, columns, row);
          ops::transform_scores(transform, {row, static_cast<size_t>(columns)});
          store_wide(type, buffers.outputs[0], i * columns, 1, columns, row);
        }
      },
      static_cast<size_t>(columns) * sizeof(double));
}

}  // namespace tercel::kernels
