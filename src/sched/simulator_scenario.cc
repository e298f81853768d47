#include <algorithm>
#include <cmath>

#include "sched/simulator_laws.h"

namespace tercel::sched::simulator {
namespace {

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  double between(double low, double high) { return low + (high - low) * std::uniform_real_distribution<double>(0, 1)(random_); }
  double spread(double low, double high) { return std::exp(between(std::log(low), std::log(high))); }
  bool one_in(uint32_t n) { return below(n) == 0; }

 private:
  std::mt19937_64 random_;
};

TrueModel random_model(Dice& dice, uint32_t slots) {
  TrueModel model;
  model.rows_max = 1 + dice.below(8);
  const double fixed = dice.spread(50e3, 5e6), row = fixed * dice.between(0.1, 1);
  const bool steps = dice.one_in(2);
  const uint32_t variants = dice.one_in(3) ? 2 + dice.below(2) : 1;
  for (uint32_t v = 0; v < variants; ++v) {
    const double scale = std::pow(dice.between(0.2, 0.7), v > 0 ? 1 : 0) *
                         (v > 0 ? static_cast<double>(model.variants[v - 1].fixed_ns) / fixed : 1);
    TrueVariant variant{.accuracy = 0.9f - 0.1f * static_cast<float>(v),
                        .fixed_ns = static_cast<TimeNs>(fixed * scale),
                        .row_ns = static_cast<TimeNs>(row * scale)};
    if (steps) variant.step_ns = std::max<TimeNs>(variant.fixed_ns / 10, 1000);
    model.variants.push_back(variant);
  }
  model.policy = static_cast<VariantPolicy>(dice.below(3));
  if (slots > 1 && dice.one_in(3)) model.threads_max = slots;
  model.sigma = dice.one_in(3) ? 0 : 0.02;
  model.outliers = dice.one_in(4) ? 0.002 : 0;
  return model;
}

Source random_source(Dice& dice, const Scenario& scenario) {
  Source source;
  source.model = dice.below(static_cast<uint32_t>(scenario.models.size()));
  const TrueModel& model = scenario.models[source.model];
  const double full = static_cast<double>(median_ns(model, 0, model.rows_max, 1));
  source.cls = static_cast<Class>(dice.one_in(5) ? 0 : 1 + dice.below(3));
  source.arrivals = static_cast<Arrivals>(dice.below(4));
  source.rows_max = dice.one_in(4) ? 1 + dice.below(model.rows_max) : 1;
  source.deadline_ns = static_cast<TimeNs>(full * dice.spread(0.5, 20));
  const double capacity = model.rows_max / full * 1e9 * scenario.slots;
  source.per_second = capacity / ((1 + source.rows_max) / 2.0) * dice.spread(0.05, 2) / 2;
  source.min_accuracy = dice.one_in(3) ? 0.75f : 0;
  source.cancelled = dice.one_in(4) ? 0.1 : 0;
  if (source.cls == Class::kGuaranteed) {
    source.reserved = true;
    source.arrivals = Arrivals::kPeriodic;
    source.rows_max = 1;
    source.min_accuracy = 0;
    source.per_second = 1e9 / static_cast<double>(median_ns(model, 0, 1, 1)) * dice.between(0.05, 0.4);
    source.deadline_ns = static_cast<TimeNs>(1e9 / source.per_second * dice.between(0.5, 2));
    if (dice.one_in(3)) source.excess = dice.between(1.5, 6);
  }
  return source;
}

}  // namespace

Scenario random_scenario(uint64_t seed) {
  Dice dice(seed * 0x2545f4914f6cdd1d + 7);
  Scenario scenario{.seed = seed, .slots = 1 + dice.below(3), .queue_max = 16 + dice.below(112)};
  const uint32_t models = 1 + dice.below(3), sources = 1 + dice.below(4);
  for (uint32_t m = 0; m < models; ++m) scenario.models.push_back(random_model(dice, scenario.slots));
  double per_second = 0;
  for (uint32_t s = 0; s < sources; ++s) {
    scenario.sources.push_back(random_source(dice, scenario));
    per_second += scenario.sources.back().per_second * scenario.sources.back().excess;
  }
  scenario.duration_ns = static_cast<TimeNs>(dice.spread(60, 400) / per_second * 1e9);
  const bool reserved = std::any_of(scenario.sources.begin(), scenario.sources.end(), [](const Source& s) { return s.reserved; });
  for (TrueModel& model : scenario.models) {
    model.within_worst = reserved;  // what the promise to streams rests on
    if (reserved) model.outliers = 0;
  }
  return scenario;
}

std::string broken_law(const Scenario& scenario) {
  std::vector<StreamId> streams;
  const auto scheduler = scheduler_of(scenario, streams);
  const auto policy = policy_of(*scheduler);
  Laws laws(scenario, *scheduler);
  const Report report = run(scenario, *policy, streams, &laws);
  return laws.verdict(report);
}

}  // namespace tercel::sched::simulator
