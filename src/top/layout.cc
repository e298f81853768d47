#include "top/layout.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "base/json.h"
#include "base/utf8.h"
#include "load/quantity.h"

namespace tercel::top {
namespace {

constexpr size_t kGap = 2, kModelColumnsMin = 12;
constexpr size_t kWideMissed = 100;  // columns from which a missed request says its class, too
constexpr int kNever = 0;            // a column that is never left out

size_t columns(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, size_t width, bool right) {
  const std::string padding(width - std::min(columns(text), width), ' ');
  return right ? padding + text : text + padding;
}

std::string fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

// "0", "0.4", "12", "9999", "12.3k", "4.56M": at most five columns.
std::string rate_text(double rate) {
  if (rate < 0.05) return "0";
  if (rate < 9.95) return fixed(rate, 1);
  if (rate < 9999.5) return fixed(rate, 0);
  const bool mega = rate >= 999'500;
  const double value = rate / (mega ? 1e6 : 1e3);
  return fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + (mega ? "M" : "k");
}

// "1.23ms", "-456us"; "-" when it is not known.
std::string time_text(std::optional<double> seconds) {
  if (!seconds || !std::isfinite(*seconds)) return "-";
  std::string text = load::duration_text(std::llround(std::min(std::abs(*seconds), 1e6) * 1e9));
  std::erase(text, ' ');
  return (*seconds < 0 ? "-" : "") + text;
}

// Rounded down: what is not all must not read as 100%.
std::string percent_text(std::optional<double> share) {
  if (!share) return "-";
  const double percent = std::floor(*share * 10'000) / 100;
  return fixed(percent, percent == 100 ? 0 : 2) + "%";
}

std::string name_of(const Row& row) { return row.model + ":" + row.version; }

struct Column {
  const char* head;
  int rank;  // the largest is left out first
  std::function<std::string(const Row&)> cell;
  size_t width = 0;
};

std::vector<Column> shared_columns() {
  return {
      {"req/s", 1, [](const Row& r) { return rate_text(r.requests); }},
      {"in time", 3, [](const Row& r) { return rate_text(r.in_time); }},
      {"met", 2, [](const Row& r) { return percent_text(r.attainment); }},
      {"p50", 6, [](const Row& r) { return time_text(r.p50_s); }},
      {"p99", 2, [](const Row& r) { return time_text(r.p99_s); }},
      {"slack", 7, [](const Row& r) { return time_text(r.mean_slack_s); }},
      {"queue", 5, [](const Row& r) { return rate_text(r.queued); }},
      {"run", 8, [](const Row& r) { return rate_text(r.running); }},
  };
}

std::vector<Column> narrow_columns() {
  auto made = shared_columns();
  made.push_back({"refused", 4, [](const Row& r) { return rate_text(r.refused()); }});
  return made;
}

std::vector<Column> wide_columns() {
  auto made = shared_columns();
  made.push_back({"no time", kNever, [](const Row& r) { return rate_text(r.refused_admission); }});
  made.push_back({"no room", kNever, [](const Row& r) { return rate_text(r.refused_overload); }});
  made.push_back({"late", kNever, [](const Row& r) { return rate_text(r.late); }});
  made.push_back({"missed", kNever, [](const Row& r) { return rate_text(r.missed); }});
  made.push_back({"invalid", kNever, [](const Row& r) { return rate_text(r.invalid); }});
  made.push_back({"failed", kNever, [](const Row& r) { return rate_text(r.failed); }});
  return made;
}

size_t total_width(const std::vector<Column>& list) {
  size_t width = 0;
  for (const Column& column : list) width += kGap + column.width;
  return width;
}

// The columns that fit beside the names of the models, which get what is left.
std::vector<Column> fitting_columns(const std::vector<Row>& rows, size_t width, size_t names) {
  const auto measured = [&](std::vector<Column> list) {
    for (Column& column : list) {
      column.width = columns(column.head);
      for (const Row& row : rows) column.width = std::max(column.width, columns(column.cell(row)));
    }
    return list;
  };
  auto list = measured(wide_columns());
  if (names + total_width(list) <= width) return list;
  list = measured(narrow_columns());
  while (list.size() > 1 && std::min(names, kModelColumnsMin) + total_width(list) > width)
    list.erase(std::max_element(list.begin(), list.end(), [](const Column& a, const Column& b) { return a.rank < b.rank; }));
  return list;
}

bool is_troubled(const Row& row) {
  return !row.is_ready || row.late + row.missed + row.failed > 0 || row.refused() > 0 || row.attainment.value_or(1) < 1;
}

void add_rows(const std::vector<Row>& rows, const Frame& frame, size_t room, std::vector<Line>& lines) {
  size_t names = columns("model");
  for (const Row& row : rows) names = std::max(names, columns(shown(name_of(row), frame.width)));
  const auto list = fitting_columns(rows, frame.width, names);
  names = std::min(names, frame.width - std::min(total_width(list), frame.width - 1));
  std::string head = padded(shown("model", names), names, false);
  for (const Column& column : list) head += std::string(kGap, ' ') + padded(column.head, column.width, true);
  lines.push_back({head, Style::kBold});
  const size_t fits = rows.size() <= room ? rows.size() : room - std::min<size_t>(room, 1);
  for (size_t i = 0; i < fits; ++i) {
    const Row& row = rows[i];
    std::string text = padded(shown(name_of(row), names), names, false);
    for (const Column& column : list) text += std::string(kGap, ' ') + padded(column.cell(row), column.width, true);
    const Style style = is_troubled(row) ? Style::kRed : row.requests == 0 ? Style::kDim : Style::kPlain;
    lines.push_back({text, style});
  }
  if (fits < rows.size()) lines.push_back({"and " + std::to_string(rows.size() - fits) + " more", Style::kDim});
}

std::string time_of_day(int64_t unix_ms) {
  const int64_t second = std::max<int64_t>(unix_ms / 1000, 0) % 86'400;
  char text[64];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d", static_cast<int>(second / 3600), static_cast<int>(second / 60 % 60),
                static_cast<int>(second % 60));
  return text;
}

std::string missed_text(const Missed& m, size_t width) {
  std::string text = time_of_day(m.finished_ms) + "  " + m.model + ":" + m.version + "  " + m.outcome + "  ";
  if (width >= kWideMissed) text += m.request_class + "  ";
  text += time_text(m.total_ms / 1e3) + (m.deadline_ms > 0 ? " of " + time_text(m.deadline_ms / 1e3) : "");
  if (!m.stage.empty()) text += ", " + m.stage + " " + time_text(m.stage_ms / 1e3);
  // What the reason says of the stages was just said.
  const size_t stages = m.reason.find("mostly ");
  auto reason = std::string_view(m.reason).substr(0, stages);
  while (reason.ends_with(' ') || reason.ends_with(';')) reason.remove_suffix(1);
  return reason.empty() ? text : text + ": " + std::string(reason);
}

std::string memory_text(double bytes) { return bytes < 1e9 ? fixed(bytes / 1e6, 1) + " MB" : fixed(bytes / 1e9, 2) + " GB"; }

void add_server(const View& view, const Frame& frame, std::vector<Line>& lines) {
  const std::string text = rate_text(view.requests) + " requests/s, " + rate_text(view.in_time) + " in time, cpu " +
                           fixed(100 * view.cpus, 0) + "%, memory " + memory_text(view.resident_bytes) + ", " +
                           fixed(view.connections, 0) + " connections";
  lines.push_back({shown(text, frame.width), Style::kPlain});
}

void add_missed(std::span<const Missed> missed, const Frame& frame, size_t room, std::vector<Line>& lines) {
  if (missed.empty() || room == 0) return;
  lines.push_back({"", Style::kPlain});
  lines.push_back({shown("last missed (UTC)", frame.width), Style::kBold});
  for (size_t i = 0; i < std::min(missed.size(), room); ++i)
    lines.push_back({shown(missed_text(missed[i], frame.width), frame.width), {}});
}

void write_optional(JsonWriter& json, std::string_view key, const std::optional<double>& value) {
  json.key(key);
  if (value) json.value(*value);
  else json.null();
}

void write_row(JsonWriter& json, const Row& r) {
  json.begin_object().field("model", well_formed_utf8(r.model)).field("version", well_formed_utf8(r.version));
  json.field("ready", r.is_ready).field("requests_per_s", r.requests).field("in_time_per_s", r.in_time);
  write_optional(json, "attainment", r.attainment);
  write_optional(json, "p50_s", r.p50_s);
  write_optional(json, "p99_s", r.p99_s);
  write_optional(json, "mean_slack_s", r.mean_slack_s);
  json.field("queue_depth", r.queued).field("inflight", r.running);
  json.key("refused_per_s").begin_object().field("admission", r.refused_admission).field("overload", r.refused_overload);
  json.end_object().field("late_per_s", r.late).field("missed_per_s", r.missed);
  json.field("invalid_per_s", r.invalid).field("failed_per_s", r.failed).end_object();
}

}  // namespace

std::string shown(std::string_view text, size_t at_most) {
  std::string out, kept;
  size_t used = 0;
  while (!text.empty()) {
    const std::string_view before = text;
    const int32_t code = take_utf8(text);
    if (code < 0) text.remove_prefix(1);
    const bool is_control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    if (used == at_most) return kept + (at_most > 0 ? "~" : "");
    if (used + 1 == at_most) kept = out;  // in case that more follows
    out += is_control ? "?" : std::string(before.substr(0, before.size() - text.size()));
    ++used;
  }
  return out;
}

std::vector<Line> lay_out(const View* view, std::span<const Missed> missed, const Frame& frame) {
  std::vector<Line> lines;
  std::string title = "tercel top  " + frame.url;
  if (view) title += "  " + view->release + (view->is_ready ? "  ready" : "  not ready");
  lines.push_back({shown(title, frame.width), Style::kBold});
  if (!frame.message.empty()) lines.push_back({shown(frame.message, frame.width), Style::kRed});
  if (view) {
    add_server(*view, frame, lines);
    lines.push_back({});
    // Around the rows: what is there, their head, the key line; and a blank line and a head above the missed ones.
    const size_t taken = lines.size() + 1 + (frame.has_keys ? 1 : 0), unlimited = view->rows.size() + missed.size() + 2;
    const size_t room = frame.height == 0 ? unlimited : frame.height - std::min(taken, frame.height);
    const size_t for_missed = missed.empty() ? 0 : std::min(missed.size() + 2, std::max<size_t>(room / 3, 3));
    const size_t for_rows = std::min(std::max<size_t>(room - std::min(for_missed, room), 1), view->rows.size());
    auto rows = view->rows;
    sort_rows(rows, frame.order);
    add_rows(rows, frame, for_rows, lines);
    const size_t left = room - std::min(for_rows, room);
    add_missed(missed, frame, left - std::min<size_t>(left, 2), lines);
  }
  if (frame.height > 0 && lines.size() > frame.height) lines.resize(frame.height);
  if (!frame.has_keys) return lines;
  const std::string keys = "q quit   s sort: by " + std::string(order_name(frame.order)) + "   rates per second";
  if (frame.height == 0 || lines.size() < frame.height) {
    if (frame.height > 0) lines.resize(frame.height - 1);
    lines.push_back({shown(keys, frame.width), Style::kDim});
  }
  return lines;
}

std::string json_text(const View& view, std::span<const Missed> missed, const std::string& url) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("url", url).field("interval_s", view.interval_s);
  json.key("server").begin_object().field("version", well_formed_utf8(view.release)).field("ready", view.is_ready);
  json.field("requests_per_s", view.requests).field("in_time_per_s", view.in_time).field("cpus", view.cpus);
  json.field("resident_bytes", view.resident_bytes).field("connections", view.connections).end_object();
  json.key("models").begin_array();
  for (const Row& row : view.rows) write_row(json, row);
  json.end_array().key("missed").begin_array();
  for (const Missed& m : missed) {
    json.begin_object().field("model", m.model).field("version", m.version).field("id", m.id).field("finished_ms", m.finished_ms);
    json.field("outcome", m.outcome).field("class", m.request_class).field("deadline_ms", m.deadline_ms);
    json.field("total_ms", m.total_ms)
        .field("stage", m.stage)
        .field("stage_ms", m.stage_ms)
        .field("reason", m.reason)
        .end_object();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace tercel::top
