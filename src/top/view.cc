#include "top/view.h"

#include <algorithm>
#include <limits>

namespace tercel::top {
namespace {

double increase(double before, double now) { return now < before ? now : now - before; }

Buckets increase(const Buckets& before, const Buckets& now) {
  Buckets made = now;
  if (now.counts.empty() || before.bounds != now.bounds || before.counts.back() > now.counts.back()) return made;
  // The page is not written in one instant: a bucket may lag behind the one below it.
  double least = 0;
  for (size_t i = 0; i < made.counts.size(); ++i) least = made.counts[i] = std::max(now.counts[i] - before.counts[i], least);
  return made;
}

Row make_row(const VersionReading& before, const VersionReading& now, double seconds) {
  Row row;
  row.model = now.model;
  row.version = now.version;
  row.is_ready = now.is_ready;
  row.queued = now.queued;
  row.running = now.running;
  for (const auto& [outcome, count] : now.outcomes) {
    const auto found = before.outcomes.find(outcome);
    const double rate = increase(found == before.outcomes.end() ? 0 : found->second, count) / seconds;
    row.requests += rate;
    if (outcome == "ok") row.in_time += rate;
    else if (outcome == "late") row.late += rate;
    else if (outcome == "deadline_missed") row.missed += rate;
    else if (outcome == "rejected_admission") row.refused_admission += rate;
    else if (outcome == "rejected_overload") row.refused_overload += rate;
    else if (outcome == "invalid") row.invalid += rate;
    else row.failed += rate;
  }
  const double met = increase(before.met, now.met), missed = increase(before.missed, now.missed);
  if (met + missed > 0) row.attainment = met / (met + missed);
  const Buckets duration = increase(before.duration, now.duration);
  row.p50_s = quantile(duration, 0.5);
  row.p99_s = quantile(duration, 0.99);
  const double deadlines = increase(before.slacks, now.slacks) + increase(before.latenesses, now.latenesses);
  const double slack_s = increase(before.slack_s, now.slack_s) - increase(before.lateness_s, now.lateness_s);
  if (deadlines > 0) row.mean_slack_s = slack_s / deadlines;
  return row;
}

// What rows are ordered by, the largest first.
double weight(const Row& row, Order order) {
  constexpr double kNothing = -std::numeric_limits<double>::infinity();
  switch (order) {
    case Order::kRequests: return row.requests;
    case Order::kP99: return row.p99_s.value_or(kNothing);
    case Order::kAttainment: return row.attainment ? -*row.attainment : kNothing;
    case Order::kQueue: return row.queued;
    case Order::kName: break;
  }
  return 0;
}

}  // namespace

View make_view(const Reading& before, const Reading& now) {
  View view;
  view.interval_s = std::max(static_cast<double>(now.at_ns - before.at_ns) * 1e-9, 1e-9);
  view.release = now.release;
  view.is_ready = now.is_ready;
  view.resident_bytes = now.resident_bytes;
  view.connections = now.connections;
  view.cpus = increase(before.cpu_s, now.cpu_s) / view.interval_s;
  for (const VersionReading& version : now.versions) {
    const auto same = [&](const VersionReading& v) { return v.model == version.model && v.version == version.version; };
    const auto found = std::find_if(before.versions.begin(), before.versions.end(), same);
    view.rows.push_back(make_row(found == before.versions.end() ? VersionReading{} : *found, version, view.interval_s));
    view.requests += view.rows.back().requests;
    view.in_time += view.rows.back().in_time;
  }
  return view;
}

void sort_rows(std::vector<Row>& rows, Order order) {
  // They come by name, which a stable sort keeps for equals.
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return weight(a, order) > weight(b, order); });
}

}  // namespace tercel::top
