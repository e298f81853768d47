#pragma once

#include <span>

#include "ops/attributes.h"

// How the classifiers of ai.onnx.ml turn sums into labels and scores: post_transform, and the operators that apply it.
//
// tercel.PostTransform  X [N, C] -> Y of the same type: `post_transform` on each row.
// tercel.ClassScores    sums [N, K] (float32 or float64), labels [C] int64 -> label [N], scores [N, C] float32.
//     The label of the largest sum, the first of equal ones; scores are the transformed sums. With the attribute `pair`, K is 1
//     and C is 2: the sum s is the second class's, which wins when s > `above` (default 0). Scores are then (-s, s) for
//     pair = "negated", (1 - s, s) for "complement"; LOGISTIC is applied to (-s, s) and PROBIT to (1 - s, s) in both; the other
//     transforms are not applied, as in the runtimes of exporters.
// tercel.PairwiseScores decisions [N, P] of the P = C (C - 1) / 2 pairs of classes in the order 01 02 .. 12 .., labels [C]
//     int64, optional prob_a [P], prob_b [P] float32 -> label [N], scores float32. Each decision above 0 is a vote for the
//     first of its pair; most votes win. With prob_a and prob_b scores [N, C] are probabilities (Platt's scaling, then
//     the coupling of Wu, Lin and Weng, "Probability Estimates for Multi-class Classification by Pairwise Coupling", 2004,
//     method 2); without, scores are the decisions [N, P], or for C = 2 (-d, d) of the transformed decision [N, 2].
namespace tercel::ops {

enum class PostTransform : uint8_t { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };
Result<PostTransform> post_transform_of(const Attributes& attributes);

enum class PairRule : uint8_t { kNone, kNegated, kComplement };
Result<PairRule> pair_rule_of(const Attributes& attributes);

inline constexpr int64_t kClassesOfPairsMax = 1024;  // of tercel.PairwiseScores

double logistic(double x);
// In place, on one row. kSoftmaxZero leaves out what is within 1e-7 of zero; kProbit inverts the error function by Winitzki's
// approximation, as exporters' runtimes do.
void transform_scores(PostTransform transform, std::span<double> row);

// Probabilities of C classes from r[i * C + j] = P(i | i or j); the scratch is C * C + C doubles.
void couple_pairwise(std::span<const double> r, std::span<double> probabilities, std::span<double> scratch);

}  // namespace tercel::ops
