#include <cmath>

#include "kernels/ref/reduction_binds.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

// Scores [batch, classes, points]; labels [batch, points].
struct LossParameters {
  int64_t batch = 0, classes = 0, points = 0;
  DType type = DType::kFloat32, label_type = DType::kInt64;
  bool has_weights = false, has_ignored = false, softmax = false, wants_log = false;
  int64_t ignored = 0;
  enum class Reduction { kNone, kMean, kSum } reduction = Reduction::kMean;
};

double score(const LossParameters& p, const Buffers& buffers, int64_t batch, int64_t label, int64_t point) {
  return load_one<double>(p.type, buffers.inputs[0], (batch * p.classes + label) * p.points + point);
}

// log(sum(exp(scores))) of one point.
double log_normaliser(const LossParameters& p, const Buffers& buffers, int64_t batch, int64_t point) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t k = 0; k < p.classes; ++k) largest = std::fmax(largest, score(p, buffers, batch, k, point));
  for (int64_t k = 0; k < p.classes; ++k) sum += std::exp(score(p, buffers, batch, k, point) - largest);
  return largest + std::log(sum);
}

void compute_loss(const LossParameters& p, const Buffers& buffers) {
  double total = 0, weights = 0;
  for (int64_t i = 0; i < p.batch * p.points; ++i) {
    const int64_t batch = i / p.points, point = i % p.points;
    const double shift = p.softmax ? log_normaliser(p, buffers, batch, point) : 0;
    for (int64_t k = 0; k < p.classes && p.wants_log; ++k)
      store_one(p.type, buffers.outputs[1], (batch * p.classes + k) * p.points + point,
                score(p, buffers, batch, k, point) - shift);
    const auto label = load_one<int64_t>(p.label_type, buffers.inputs[1], i);
    double loss = 0, weight = 0;
    if (!(p.has_ignored && label == p.ignored)) {
      const bool exists = label >= 0 && label < p.classes;  // a label without a class has no meaning: NaN says so
      weight = !p.has_weights ? 1.0 : exists ? load_one<double>(p.type, buffers.inputs[2], label) : std::nan("");
      loss = exists ? -weight * (score(p, buffers, batch, label, point) - shift) : std::nan("");
    }
    total += loss;
    weights += weight;
    if (p.reduction == LossParameters::Reduction::kNone && buffers.outputs[0]) store_one(p.type, buffers.outputs[0], i, loss);
  }
  if (p.reduction != LossParameters::Reduction::kNone && buffers.outputs[0])
    store_one(p.type, buffers.outputs[0], 0, p.reduction == LossParameters::Reduction::kMean ? total / weights : total);
}

Kernel loss_kernel(const StepContext& c, bool softmax) {
  using Reduction = LossParameters::Reduction;
  const Shape& x = c.in(0).shape;
  const std::string_view reduction = c.attributes.get_string("reduction", "mean");
  LossParameters p;
  p.batch = x.size(0);
  p.classes = x.size(1);
  p.points = x.elements(2, x.rank());
  p.type = c.in(0).dtype;
  p.label_type = c.in(1).dtype;
  p.has_weights = c.has(2);
  p.has_ignored = c.attributes.has("ignore_index");
  p.ignored = c.attributes.get_int("ignore_index", 0);
  p.softmax = softmax;
  p.wants_log = softmax && c.outputs.size() > 1 && c.outputs[1].present;
  p.reduction = reduction == "none" ? Reduction::kNone : reduction == "sum" ? Reduction::kSum : Reduction::kMean;
  return Kernel([p](const Buffers& buffers) { compute_loss(p, buffers); });
}

}  // namespace

Result<Kernel> bind_negative_log_likelihood(const StepContext& c) { return loss_kernel(c, false); }
Result<Kernel> bind_softmax_cross_entropy(const StepContext& c) { return loss_kernel(c, true); }

}  // namespace tercel::kernels
