#include "ops/scores.h"

#include <algorithm>
#include <cmath>

namespace tercel::ops {

namespace {

constexpr double kNearZero = 1e-7;
constexpr double kPi = 3.141592653589793;

double inverse_erf(double x) {
  constexpr double a = 0.147;  // of Winitzki's approximation
  const double log = std::log((1 - x) * (1 + x));
  const double half = 2 / (kPi * a) + log / 2;
  const double root = std::sqrt(std::sqrt(half * half - log / a) - half);
  return x < 0 ? -root : root;
}

void softmax(std::span<double> row, bool without_zeros) {
  if (row.empty()) return;
  const double largest = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (double& x : row) {
    if (without_zeros && std::fabs(x) <= kNearZero) {
      x *= std::exp(-largest);
    } else {
      x = std::exp(x - largest);
      sum += x;
    }
  }
  for (double& x : row) x = sum == 0 ? 0 : x / sum;
}

}  // namespace

Result<PostTransform> post_transform_of(const Attributes& attributes) {
  const std::string_view name = attributes.get_string("post_transform", "NONE");
  if (name == "NONE") return PostTransform::kNone;
  if (name == "SOFTMAX") return PostTransform::kSoftmax;
  if (name == "LOGISTIC") return PostTransform::kLogistic;
  if (name == "SOFTMAX_ZERO") return PostTransform::kSoftmaxZero;
  if (name == "PROBIT") return PostTransform::kProbit;
  return invalid("post_transform must be NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT");
}

Result<PairRule> pair_rule_of(const Attributes& attributes) {
  const std::string_view name = attributes.get_string("pair", "");
  if (name.empty()) return PairRule::kNone;
  if (name == "negated") return PairRule::kNegated;
  if (name == "complement") return PairRule::kComplement;
  return invalid("pair must be negated or complement");
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

void transform_scores(PostTransform transform, std::span<double> row) {
  switch (transform) {
    case PostTransform::kNone: return;
    case PostTransform::kSoftmax: return softmax(row, false);
    case PostTransform::kSoftmaxZero: return softmax(row, true);
    case PostTransform::kLogistic:
      for (double& x : row) x = logistic(x);
      return;
    case PostTransform::kProbit:
      for (double& x : row) x = std::sqrt(2.0) * inverse_erf(2 * x - 1);
      return;
  }
}

void couple_pairwise(std::span<const double> r, std::span<double> p, std::span<double> scratch) {
  constexpr int kRoundsMax = 100;
  const size_t n = p.size();
  const std::span<double> q = scratch.first(n * n), qp = scratch.subspan(n * n, n);
  for (size_t i = 0; i < n; ++i) {
    p[i] = 1 / static_cast<double>(n);
    q[i * n + i] = 0;
    for (size_t j = 0; j < n; ++j) {
      if (j == i) continue;
      q[i * n + i] += r[j * n + i] * r[j * n + i];
      q[i * n + j] = -r[j * n + i] * r[i * n + j];
    }
  }
  for (int round = 0; round < std::max(kRoundsMax, static_cast<int>(n)); ++round) {
    double pqp = 0, worst = 0;
    for (size_t i = 0; i < n; ++i) {
      qp[i] = 0;
      for (size_t j = 0; j < n; ++j) qp[i] += q[i * n + j] * p[j];
      pqp += p[i] * qp[i];
    }
    for (size_t i = 0; i < n; ++i) worst = std::max(worst, std::fabs(qp[i] - pqp));
    if (worst < 0.005 / static_cast<double>(n)) return;  // the bound of libsvm: tighter would be other numbers than its own
    for (size_t i = 0; i < n; ++i) {
      const double step = (pqp - qp[i]) / q[i * n + i], shrink = 1 + step;
      p[i] += step;
      pqp = (pqp + step * (step * q[i * n + i] + 2 * qp[i])) / shrink / shrink;
      for (size_t j = 0; j < n; ++j) {
        qp[j] = (qp[j] + step * q[i * n + j]) / shrink;
        p[j] /= shrink;
      }
    }
  }
}

}  // namespace tercel::ops
