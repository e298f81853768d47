#include "sched/cost_model.h"

#include <algorithm>
#include <bit>
#include <string>

namespace tercel::sched {
namespace {

constexpr size_t kMedianRank = 8;  // of 16
constexpr size_t kHighRank = 126;  // of 128
constexpr size_t kMiddleRank = 64;
// The rank is about the 98th percentile, 2.05 standard deviations from the median of a normal tail; a quarter more is 2.6 of
// them, the 99.5th, which 128 runs can't show.
constexpr float kTailMargin = 0.25f;
constexpr uint64_t kTrustedCount = 8;  // runs after which a range of rows speaks for itself
constexpr float kRatioMin = 1.0f / 64, kRatioMax = 1024;
constexpr TimeNs kCostMax = TimeNs{1} << 42;  // over an hour: more is a mistake

uint32_t range_of(uint32_t rows) { return static_cast<uint32_t>(std::bit_width(rows)) - 1; }

// Piecewise linear through the points, whose rows ascend; outside, the nearest segment goes on (a lone point: in
// proportion), and never falls.
TimeNs interpolate(std::span<const CostPoint> points, uint32_t rows, TimeNs CostPoint::*value) {
  if (points.size() == 1) {
    const double scale = rows <= points[0].rows ? 1.0 : static_cast<double>(rows) / points[0].rows;
    return static_cast<TimeNs>(static_cast<double>(points[0].*value) * scale);
  }
  size_t i = 1;
  while (i + 1 < points.size() && points[i].rows < rows) ++i;
  const CostPoint &a = points[i - 1], &b = points[i];
  const double slope = static_cast<double>(b.*value - a.*value) / (static_cast<double>(b.rows) - a.rows);
  const double at = static_cast<double>(a.*value) + slope * (static_cast<double>(rows) - a.rows);
  return std::max<TimeNs>(static_cast<TimeNs>(at), 1);
}

Result<void> acceptable(std::span<const CostPoint> points, uint32_t rows_max) {
  if (points.empty()) return invalid("a variant without measured costs cannot be scheduled; compile its plan with measuring on");
  if (rows_max < 1 || rows_max > kBatchRowsMax) {
    return invalid("the largest batch must have 1 to " + std::to_string(kBatchRowsMax) + " rows, not " +
                   std::to_string(rows_max));
  }
  for (const CostPoint& p : points) {
    if (p.threads < 1 || p.threads > kSlotsMax || p.rows < 1 || p.p50_ns < 1 || p.p99_ns < p.p50_ns || p.p99_ns > kCostMax ||
        p.worst_ns > kCostMax) {
      return invalid("the measured cost of " + std::to_string(p.rows) + " rows on " + std::to_string(p.threads) +
                     " threads is out of range: p50 must be positive and p99 not below it");
    }
  }
  return {};
}

}  // namespace

Result<CostModel> CostModel::make(std::span<const CostPoint> points, uint32_t rows_max, TimeNs floor_ns) {
  TRY(acceptable(points, rows_max));
  std::vector<uint32_t> threads;
  for (const CostPoint& p : points) threads.push_back(p.threads);
  std::sort(threads.begin(), threads.end());
  threads.erase(std::unique(threads.begin(), threads.end()), threads.end());
  if (threads.size() > kThreadChoicesMax) {
    return too_large("costs for " + std::to_string(threads.size()) + " thread counts; at most " +
                     std::to_string(kThreadChoicesMax));
  }
  CostModel model;
  model.rows_max_ = rows_max;
  for (const uint32_t t : threads) model.choices_.push_back(choice_of(points, t, rows_max, floor_ns));
  return model;
}

CostModel::Choice CostModel::choice_of(std::span<const CostPoint> points, uint32_t threads, uint32_t rows_max, TimeNs floor_ns) {
  std::vector<CostPoint> own;
  for (CostPoint p : points) {
    if (p.threads != threads) continue;
    p.worst_ns = std::max(p.worst_ns, p.p99_ns);
    own.push_back(p);
  }
  std::stable_sort(own.begin(), own.end(), [](const CostPoint& a, const CostPoint& b) { return a.rows < b.rows; });
  own.erase(std::unique(own.begin(), own.end(), [](const CostPoint& a, const CostPoint& b) { return a.rows == b.rows; }),
            own.end());

  Choice choice{.threads = threads};
  float p99 = 1;
  for (const CostPoint& p : own) p99 = std::max(p99, static_cast<float>(p.p99_ns) / static_cast<float>(p.p50_ns));
  choice.all = Recent(p99);
  choice.above = Long(p99);
  choice.ranges.assign(range_of(rows_max) + 1, {Recent(p99), Long(p99)});
  choice.prior = choice.floor = choice.worst = choice.expected = choice.high = std::vector<TimeNs>(rows_max + 1, 0);
  for (uint32_t rows = 1; rows <= rows_max; ++rows) {
    choice.prior[rows] = std::max(choice.prior[rows - 1], interpolate(own, rows, &CostPoint::p50_ns));
    choice.worst[rows] = std::max(choice.worst[rows - 1], interpolate(own, rows, &CostPoint::worst_ns));
    choice.floor[rows] = std::max<TimeNs>({floor_ns > 0 ? floor_ns : choice.prior[rows] / 2, choice.floor[rows - 1], 1});
  }
  predict(choice);
  return choice;
}

namespace {

float beyond(const RatioWindow<128>& seen) {
  const float high = seen.ranked(kHighRank), middle = seen.ranked(kMiddleRank);
  return high + kTailMargin * (high - middle);
}

TimeNs scaled(TimeNs prior, float ratio) { return static_cast<TimeNs>(static_cast<double>(prior) * ratio); }

}  // namespace

void CostModel::predict(Choice& choice) {
  const float usual = choice.all.ranked(kMedianRank);
  const TimeNs above = std::max<TimeNs>(scaled(choice.prior[1], beyond(choice.above) - 1), 0);
  for (uint32_t rows = 1; rows < choice.prior.size(); ++rows) {
    const Range& own = choice.ranges[range_of(rows)];
    const bool knows = own.recent.count() >= kTrustedCount;
    const TimeNs expected = scaled(choice.prior[rows], knows ? own.recent.ranked(kMedianRank) : usual);
    const TimeNs high = knows ? scaled(choice.prior[rows], beyond(own.history)) : expected + above;
    choice.expected[rows] = std::max({expected, choice.floor[rows], choice.expected[rows - 1]});
    choice.high[rows] = std::max({high, choice.expected[rows], choice.high[rows - 1]});
  }
}

uint32_t CostModel::rows_within(TimeNs budget_ns, uint32_t rows, uint32_t choice) const {
  const auto& high = choices_[choice].high;
  const auto last = std::upper_bound(high.begin() + 1, high.begin() + 1 + std::min(rows, rows_max_), budget_ns);
  return static_cast<uint32_t>(last - high.begin()) - 1;
}

uint32_t CostModel::rows_blocking(TimeNs allowance_ns, uint32_t rows, uint32_t choice) const {
  const auto& worst = choices_[choice].worst;
  const auto last = std::upper_bound(worst.begin() + 1, worst.begin() + 1 + std::min(rows, rows_max_), allowance_ns);
  return static_cast<uint32_t>(last - worst.begin()) - 1;
}

void CostModel::observe(uint32_t rows, uint32_t choice, TimeNs measured_ns) {
  Choice& c = choices_[choice];
  const float ratio =
      std::clamp(static_cast<float>(static_cast<double>(measured_ns) / static_cast<double>(c.prior[rows])), kRatioMin, kRatioMax);
  c.all.observe(ratio);
  const TimeNs above_ns = measured_ns - scaled(c.prior[rows], c.all.ranked(kMedianRank));
  c.above.observe(
      std::clamp(1 + static_cast<float>(static_cast<double>(above_ns) / static_cast<double>(c.prior[1])), 0.0f, kRatioMax));
  Range& own = c.ranges[range_of(rows)];
  own.recent.observe(ratio);
  own.history.observe(ratio);
  predict(c);
}

}  // namespace tercel::sched
