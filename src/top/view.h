#pragma once

#include <optional>
#include <string_view>

#include "top/reading.h"

namespace tercel::top {

// What one version of a model did between two readings. Rates are per second.
struct Row {
  std::string model, version;
  bool is_ready = false;
  double requests = 0;
  double in_time = 0;           // answers that met their deadline or had none: goodput
  double late = 0, missed = 0;  // answered late; not answered because of the deadline
  double refused_admission = 0, refused_overload = 0;
  double invalid = 0, failed = 0;
  double queued = 0, running = 0;      // now
  std::optional<double> attainment;    // share of deadlines that were met, of requests that were not refused
  std::optional<double> p50_s, p99_s;  // of answered requests
  std::optional<double> mean_slack_s;  // below zero: late on average

  double refused() const { return refused_admission + refused_overload; }
};

struct View {
  double interval_s = 0;
  std::string release;
  bool is_ready = false;
  double resident_bytes = 0, connections = 0;
  double cpus = 0;  // in use on average
  double requests = 0, in_time = 0;
  std::vector<Row> rows;
};

// What happened from `before` to `now`. A counter that went down began anew in between, because the server did.
View make_view(const Reading& before, const Reading& now);

enum class Order : uint8_t { kRequests, kP99, kAttainment, kQueue, kName };
inline constexpr size_t kOrderCount = 5;
constexpr std::string_view order_name(Order order) {
  constexpr std::string_view kNames[kOrderCount] = {"requests", "p99", "attainment", "queue", "name"};
  return kNames[static_cast<size_t>(order)];
}

// The most, the slowest, the worst first; equals by name.
void sort_rows(std::vector<Row>& rows, Order order);

}  // namespace tercel::top
