#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "base/json.h"
#include "clairvoyant.h"
#include "queue_policy.h"

// Compares policies on the same simulated machine and the same arrivals; prints JSON. sched_compare [SECONDS [SEEDS]].
namespace tercel::bench {
namespace {

using namespace sched;
using namespace sched::simulator;

constexpr TimeNs kMs = 1'000'000;
constexpr double kSaturation = 8.0 / 9.0 * 1000;  // requests a second, in batches of 8
constexpr TimeNs kAllowed = 20 * kMs;
constexpr double kLoads[] = {0.5, 0.8, 0.9, 1.0, 1.2, 2, 5};

struct Settings {
  double seconds = 60;
  uint64_t seeds = 3;
};

// A batch of n takes 2 ms x (1 + 0.5 (n - 1)); noise of 2 %; one execution in ten thousand takes up to four times as long.
TrueModel batched_model() {
  return {.rows_max = 8, .variants = {TrueVariant{.fixed_ns = kMs, .row_ns = kMs}}, .sigma = 0.02, .outliers = 1e-4};
}

Scenario overload(double load, uint64_t seed, double seconds) {
  Scenario s{.seed = seed, .queue_max = 10'000, .duration_ns = static_cast<TimeNs>(seconds * 1e9), .models = {batched_model()}};
  s.sources = {{.per_second = load * kSaturation, .deadline_ns = kAllowed}};
  return s;
}

struct Named {
  const char* name;
  bool deadline;  // the project's scheduler; else a queue with `options`
  QueueOptions options;
};

const Named kPolicies[] = {
    {"tercel", true, {}},
    {"fifo", false, {.batch_max = 1}},
    {"fifo, batches", false, {}},
    {"window 5 ms", false, {.delay_ns = 5 * kMs}},
    {"time-out = deadline", false, {.timeout_ns = kAllowed}},
    {"time-out 11 ms", false, {.timeout_ns = 11 * kMs}},
};

Report simulate(const Scenario& scenario, const Named& policy) {
  std::vector<StreamId> streams(scenario.sources.size(), kNone);
  if (!policy.deadline) {
    QueuePolicy queue(policy.options);
    return run(scenario, queue, streams, nullptr);
  }
  const auto scheduler = scheduler_of(scenario, streams);
  return run(scenario, *policy_of(*scheduler), streams, nullptr);
}

void add(Tally& sum, const Tally& t) {
  sum.offered += t.offered;
  sum.refused += t.refused;
  sum.admitted += t.admitted;
  sum.in_time += t.in_time;
  sum.late += t.late;
  sum.expired += t.expired;
}

double share(uint64_t part, uint64_t whole) { return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole); }

void overload_table(const Settings& settings, JsonWriter& json) {
  json.key("overload").begin_array();
  for (const Named& policy : kPolicies) {
    for (const double load : kLoads) {
      Tally sum;
      for (uint64_t seed = 1; seed <= settings.seeds; ++seed) {
        add(sum, simulate(overload(load, seed, settings.seconds), policy).classes[1]);
      }
      const double full = kSaturation * settings.seconds * static_cast<double>(settings.seeds);
      json.begin_object()
          .field("policy", policy.name)
          .field("load", load)
          .field("goodput", static_cast<double>(sum.in_time) / full);
      json.field("refused", share(sum.refused, sum.offered)).field("expired", share(sum.expired, sum.offered));
      json.field("late", share(sum.late, sum.offered))
          .field("admitted_missed", share(sum.late + sum.expired, sum.admitted))
          .end_object();
    }
  }
  json.end_array();
}

// The bound knows every arrival and has no noise: its own draws of the same process.
void clairvoyant_table(const Settings& settings, JsonWriter& json) {
  json.key("clairvoyant").begin_array();
  for (const double load : kLoads) {
    uint64_t offered = 0, answered = 0;
    for (uint64_t seed = 1; seed <= settings.seeds; ++seed) {
      std::mt19937_64 random(seed);
      std::exponential_distribution<double> gap(load * kSaturation / 1e9);
      std::vector<TimeNs> arrivals;
      for (double at = gap(random); at < settings.seconds * 1e9; at += gap(random)) arrivals.push_back(static_cast<TimeNs>(at));
      offered += arrivals.size();
      answered += clairvoyant(arrivals, kMs, kMs, 8, kAllowed);
    }
    const double full = kSaturation * settings.seconds * static_cast<double>(settings.seeds);
    json.begin_object().field("load", load).field("goodput", static_cast<double>(answered) / full);
    json.field("lost", share(offered - answered, offered)).end_object();
  }
  json.end_array();
}

// A ladder of two, the cheap variant `factor` times faster, offered twice what the accurate one can do.
void ladder_table(const Settings& settings, JsonWriter& json) {
  json.key("ladder").begin_array();
  for (const double factor : {2.5, 4.0, 8.0}) {
    for (const TimeNs allowed : {20 * kMs, 40 * kMs, 100 * kMs}) {
      Tally sum;
      uint64_t accurate = 0;
      for (uint64_t seed = 1; seed <= settings.seeds; ++seed) {
        Scenario s = overload(2, seed, settings.seconds);
        s.models[0].outliers = 0;
        const auto cheap = static_cast<TimeNs>(kMs / factor);
        s.models[0].variants.push_back({.accuracy = 0.9f, .fixed_ns = cheap, .row_ns = cheap});
        s.sources[0].deadline_ns = allowed;
        const Report report = simulate(s, kPolicies[0]);
        add(sum, report.classes[1]);
        accurate += report.answered_by[0];
      }
      json.begin_object()
          .field("factor", factor)
          .field("deadline_ms", allowed / kMs)
          .field("attained", share(sum.in_time, sum.offered));
      json.field("accurate", share(accurate, sum.in_time)).field("bound", (1 - 2 / factor) / (2 - 2 / factor)).end_object();
    }
  }
  json.end_array();
}

// Interactive requests, 100 a second with 10 ms each, beside twice as much bulk as the slot can do, in one model of 1 ms.
void classes_table(const Settings& settings, JsonWriter& json) {
  const Named policies[] = {{"tercel", true, {}}, {"fifo, batches", false, {}}, {"priorities", false, {.priorities = true}}};
  json.key("classes").begin_array();
  for (const Named& policy : policies) {
    Scenario s{.queue_max = 64, .duration_ns = static_cast<TimeNs>(settings.seconds * 1e9), .models = {batched_model()}};
    s.models[0].variants[0] = {.fixed_ns = kMs / 2, .row_ns = kMs / 2};
    const double full = 8 / 4.5 * 1000;
    s.sources = {{.per_second = 100, .deadline_ns = 10 * kMs}, {.cls = Class::kBulk, .per_second = 2 * full}};
    const Report report = simulate(s, policy);
    const Tally &hard = report.classes[1], &bulk = report.classes[3];
    json.begin_object().field("policy", policy.name).field("interactive_in_time", share(hard.in_time, hard.offered));
    const double took = static_cast<double>(report.ended_ns) / 1e9;
    json.field("bulk_kept", static_cast<double>(bulk.in_time) / took / full).end_object();
  }
  json.end_array();
}

int compare(const Settings& settings) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().field("seconds", settings.seconds).field("seeds", settings.seeds).field("saturation", kSaturation);
  overload_table(settings, json);
  clairvoyant_table(settings, json);
  ladder_table(settings, json);
  classes_table(settings, json);
  json.end_object();
  std::puts(text.c_str());
  return 0;
}

}  // namespace
}  // namespace tercel::bench

int main(int count, char** arguments) {
  tercel::bench::Settings settings;
  if (count > 1) settings.seconds = std::max(1.0, std::atof(arguments[1]));
  if (count > 2) settings.seeds = std::max(1ull, std::strtoull(arguments[2], nullptr, 10));
  return tercel::bench::compare(settings);
}
