#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "platform/clock.h"
#include "sched/deadline_scheduler.h"

// What the scheduler itself costs a request with many queued: its admission, and its share of the start and the completion of
// its batch. The counters are percentiles over single requests, in nanoseconds, two readings of the clock included.
namespace tercel::sched {
namespace {

constexpr TimeNs kHour = 3'600'000'000'000;

struct Setting {
  Class cls;
  uint32_t queued;
  uint32_t models;
};

ModelOptions model() { return {.rows_max = 8, .variants = {{.costs = {{1, 1, 200'000, 210'000}, {1, 8, 900'000, 950'000}}}}}; }

class Loaded {
 public:
  explicit Loaded(const Setting& setting) : setting_(setting), scheduler_({.queue_max = 4 * setting.queued}) {
    for (uint32_t m = 0; m < setting.models; ++m) scheduler_.add_model(model()).take();
    for (uint32_t i = 0; i < setting.queued; ++i) admit();
    start();
  }

  // Deadlines in no order, all far enough away.
  bool admit() {
    random_ = random_ * 6364136223846793005 + 1442695040888963407;
    const auto late = static_cast<TimeNs>(random_ >> 32) % (kHour / 4);
    const Request r{.id = ++id_,
                    .model = static_cast<ModelId>(id_ % setting_.models),
                    .cls = setting_.cls,
                    .arrival_ns = now_,
                    .deadline_ns = now_ + kHour / 2 + late};
    return scheduler_.admit(r, now_).ok();
  }
  void start() {
    while (const auto decision = scheduler_.next(now_)) {
      execution_ = decision->execution;
      batch_ = decision->members.size();
    }
  }
  // One batch ends, the next starts.
  size_t turn() {
    now_ += 1'000'000;
    const size_t ended = batch_;
    scheduler_.completed(execution_, 900'000, now_);
    start();
    return ended;
  }
  uint32_t queued() const { return scheduler_.queued(); }

 private:
  Setting setting_;
  DeadlineScheduler scheduler_;
  TimeNs now_ = kHour;
  uint64_t id_ = 0, random_ = 1;
  ExecutionId execution_ = kNone;
  size_t batch_ = 0;
};

double percentile(std::vector<int64_t>& values, double share) {
  const auto at = values.begin() + static_cast<long>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at);
}

void request(benchmark::State& state) {
  Loaded loaded(
      {static_cast<Class>(state.range(0)), static_cast<uint32_t>(state.range(1)), static_cast<uint32_t>(state.range(2))});
  std::vector<int64_t> admissions, turns, requests;
  for (auto* list : {&admissions, &turns, &requests}) list->reserve(1 << 22);
  std::vector<int64_t> batch;
  batch.reserve(8);
  for (auto _ : state) {
    batch.clear();
    for (int i = 0; i < 8; ++i) {
      const int64_t began = platform::now_ns();
      if (!loaded.admit()) state.SkipWithError("refused");
      batch.push_back(platform::now_ns() - began);
    }
    const int64_t began = platform::now_ns();
    const size_t served = loaded.turn();
    const int64_t turn = platform::now_ns() - began;
    for (const int64_t admission : batch) {
      admissions.push_back(admission);
      requests.push_back(admission + turn / static_cast<int64_t>(std::max<size_t>(served, 1)));
    }
    turns.push_back(turn);
  }
  state.SetItemsProcessed(static_cast<int64_t>(requests.size()));
  state.counters["queued"] = loaded.queued();
  state.counters["admit_p99"] = percentile(admissions, 0.99);
  state.counters["turn_p99"] = percentile(turns, 0.99);
  state.counters["request_p50"] = percentile(requests, 0.5);
  state.counters["request_p99"] = percentile(requests, 0.99);
}
BENCHMARK(request)
    ->ArgNames({"class", "queued", "models"})
    ->Args({1, 10, 1})
    ->Args({1, 10'000, 1})
    ->Args({1, 10'000, 8})
    ->Args({2, 10'000, 1})
    ->Args({3, 10'000, 1})
    ->Args({1, 100'000, 1})
    ->Iterations(20'000);

}  // namespace
}  // namespace tercel::sched
