#include "load/html.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "load/quantity.h"
#include "load/statistics.h"
#include "load/svg.h"

namespace tercel::load {
namespace {

// Colour-blind safe, after Okabe and Ito; in the order of Outcome.
constexpr std::array<const char*, kOutcomeCount> kOutcomeColors = {"#0b8a5f", "#e69f00", "#3d6fb6", "#7fb2e5", "#8a8a86",
                                                                   "#b0447a", "#5b4636", "#c23b22", "#2b2b2b"};
constexpr std::array<const char*, 8> kClientColors = {"#0b6e4f", "#c8553d", "#3d6fb6", "#e69f00",
                                                      "#7b4ea3", "#2a9db5", "#8a8a86", "#b0447a"};
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

constexpr const char* kStyle = R"(
  :root { color-scheme: light; }
  body { font: 15px/1.5 system-ui, Helvetica, Arial, sans-serif; color: #222; background: #f5f5f2; margin: 0; }
  main { max-width: 920px; margin: 0 auto; padding: 28px 20px 60px; }
  h1 { font-size: 22px; margin: 0 0 2px; } h2 { font-size: 16px; margin: 30px 0 8px; }
  p { margin: 6px 0; } .dim { color: #666; } small { color: #666; white-space: nowrap; }
  .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(125px, 1fr)); gap: 10px; margin: 18px 0; }
  .tile { background: #fff; border: 1px solid #e0e0da; border-radius: 6px; padding: 10px 14px; }
  .tile b { display: block; font-size: 21px; font-variant-numeric: tabular-nums; }
  .warning { background: #fdf3dc; border-left: 4px solid #e69f00; padding: 8px 14px; margin: 8px 0; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; background: #fff; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: right; padding: 5px 10px; border: 1px solid #e6e6e2; } th { background: #fafaf7; font-weight: 600; }
  th:first-child, td:first-child, 
  .outcomes td:nth-child(-n+3) { white-space: nowrap; }
  .outcomes td:last-child, .outcomes th:last-child { text-align: left; }
  svg { display: block; width: 100%; height: auto; border: 1px solid #e0e0da; border-radius: 6px; margin: 10px 0; }
)";

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

std::string rate_of(double rate) { return format(rate < 1000 ? "%.1f/s" : "%.0f/s", rate); }

std::string percent(double share) {
  const double value = 100 * share;
  // 99.996 % must not read as 100 %.
  for (int decimals = 1; decimals < 4; ++decimals) {
    const double shown = std::round(value * std::pow(10, decimals)) / std::pow(10, decimals);
    if (shown < 100 || value == 100) return format(decimals == 1 ? "%.1f %%" : decimals == 2 ? "%.2f %%" : "%.3f %%", value);
  }
  return "99.999 %";
}

std::string time_of(int64_t ns) {
  if (ns == Quantile::kUnknown) return "?";
  return ns == Quantile::kNever ? "never" : duration_text(ns);
}

std::string quantile_cell(const Quantile& q) {
  if (q.value == Quantile::kUnknown) return "-";
  const std::string interval =
      q.low == Quantile::kNever ? "" : "<br><small>" + time_of(q.low) + " .. " + time_of(q.high) + "</small>";
  return time_of(q.value) + interval;
}

std::string row(const std::vector<std::string>& cells, const char* tag) {
  std::string out = "<tr>";
  for (const std::string& cell : cells) out += std::string("<") + tag + ">" + cell + "</" + tag + ">";
  return out + "</tr>\n";
}

std::string table(const std::vector<std::vector<std::string>>& rows, const std::string& name = "") {
  std::string out = "<div class=\"scroll " + name + "\"><table>\n";
  for (size_t i = 0; i < rows.size(); ++i) out += row(rows[i], i == 0 ? "th" : "td");
  return out + "</table></div>\n";
}

std::string date_text(int64_t seconds) {
  const time_t when = seconds;
  tm parts{};
  gmtime_r(&when, &parts);
  char text[40];
  strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

std::vector<const ClientReport*> rows_of(const Report& report, const ClientReport& total) {
  std::vector<const ClientReport*> rows;
  for (const ClientReport& client : report.clients) rows.push_back(&client);
  if (rows.size() > 1) rows.push_back(&total);
  return rows;
}

std::string tile(const std::string& value, const std::string& label) {
  return "<div class=\"tile\"><b>" + value + "</b><span class=\"dim\">" + label + "</span></div>\n";
}

std::string tiles(const Report& report, const ClientReport& total) {
  const Rates rates = rates_of(report, total);
  const Quantile p99 = quantile(total.answered, 0.99);
  return "<div class=\"tiles\">\n" + tile(rate_of(rates.offered), "offered") + tile(rate_of(rates.achieved), "achieved") +
         tile(rate_of(rates.goodput), "goodput: in time") + tile(percent(rates.attainment), "attainment") +
         tile(time_of(quantile(total.answered, 0.5).value), "p50 of answers") + tile(time_of(p99.value), "p99 of answers") +
         "</div>\n";
}

std::string client_table(const Report& report, const std::vector<const ClientReport*>& rows) {
  std::vector<std::vector<std::string>> cells = {
      {"client", "model", "arrivals", "class", "deadline", "offered", "achieved", "goodput", "attainment"}};
  for (const ClientReport* client : rows) {
    const Rates rates = rates_of(report, *client);
    const ClientOptions& options = client->options;
    cells.push_back({escaped(options.name), escaped(options.model), options.model.empty() ? "" : escaped(options.arrivals.text),
                     options.latency_class, options.deadline_ns > 0 ? duration_text(options.deadline_ns) : "",
                     rate_of(rates.offered), rate_of(rates.achieved), rate_of(rates.goodput),
                     percent(rates.attainment) + "<br><small>" + percent(rates.attainment_low) + " .. " +
                         percent(rates.attainment_high) + "</small>"});
  }
  return table(cells);
}

std::string latency_table(const std::vector<const ClientReport*>& rows) {
  std::vector<std::vector<std::string>> cells = {{"latency", "of", "p50", "p90", "p99", "p99.9", "max"}};
  for (const ClientReport* client : rows)
    for (const bool all : {false, true}) {
      if (all && client->answers() == client->requests) continue;  // the same figures
      std::vector<std::string> line = {escaped(client->options.name), all ? "all requests" : "answers"};
      for (const double q : {0.5, 0.9, 0.99, 0.999})
        line.push_back(
            quantile_cell(all ? quantile_of_all(client->answered, client->requests, q) : quantile(client->answered, q)));
      const bool any = client->answered.count() > 0;
      line.push_back(all ? "never" : any ? duration_text(client->answered.max()) : "-");
      cells.push_back(std::move(line));
    }
  return table(cells);
}

std::string how_fast(const LogHistogram& histogram) {
  if (histogram.count() == 0) return "";
  return time_of(quantile(histogram, 0.5).value) + " / " + time_of(quantile(histogram, 0.99).value) + " / " +
         duration_text(histogram.max());
}

std::string outcome_table(const ClientReport& client) {
  std::vector<std::vector<std::string>> cells = {{"outcome", "requests", "share", "after p50 / p99 / max", "first sentence"}};
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    if (client.outcomes[i] == 0) continue;
    const auto outcome = static_cast<Outcome>(i);
    std::string took = outcome == Outcome::kRefused    ? how_fast(client.refused)
                       : outcome == Outcome::kDeadline ? how_fast(client.given_up)
                                                       : "";
    if (outcome == Outcome::kLate) took = "past the deadline by " + how_fast(client.late_by);
    cells.push_back({std::string(outcome_name(outcome)), std::to_string(client.outcomes[i]),
                     percent(static_cast<double>(client.outcomes[i]) / static_cast<double>(client.requests)), took,
                     escaped(client.examples[i])});
  }
  return table(cells, "outcomes");
}

// Slices that are put together until each has enough requests to say something of.
struct Spans {
  double seconds = 0;  // of each
  std::vector<Slice> spans;
};

Spans spans_of(const Report& report, const ClientReport& client) {
  constexpr uint64_t kRequests = 20;
  const auto covered = static_cast<size_t>((report.duration_ns + report.slice_ns - 1) / report.slice_ns);
  const size_t count = std::min(client.slices.size(), covered);
  const size_t merged =
      std::clamp<size_t>(kRequests * count / std::max<uint64_t>(client.requests, 1), 1, std::max<size_t>(count / 10, 1));
  Spans made;
  made.seconds = static_cast<double>(merged) * static_cast<double>(report.slice_ns) * 1e-9;
  for (size_t s = 0; s < count; ++s) {
    if (s % merged == 0) made.spans.emplace_back();
    made.spans.back().answered.add(client.slices[s].answered);
    for (size_t i = 0; i < kOutcomeCount; ++i) made.spans.back().outcomes[i] += client.slices[s].outcomes[i];
  }
  return made;
}

// One line a quantile over the time of the run, by when the requests were meant to start.
std::string latency_over_time(const Report& report, const ClientReport& client) {
  PlotOptions options;
  options.title = "Latency of " + client.options.name + " over the run";
  options.x_label = "seconds since the measurement began, by intended start";
  options.y = Scale::kLogarithmic;
  options.y_is_time = true;
  options.level = static_cast<double>(client.options.deadline_ns);
  options.level_name = "deadline";
  std::vector<Series> series = {{"p50", "#0b6e4f", {}}, {"p90", "#3d6fb6", {}}, {"p99", "#e69f00", {}}, {"max", "#c23b22", {}}};
  const Spans run = spans_of(report, client);
  for (size_t s = 0; s < run.spans.size(); ++s) {
    const double at = (static_cast<double>(s) + 0.5) * run.seconds;
    const LogHistogram& answered = run.spans[s].answered;
    const std::array<double, 3> shares = {0.5, 0.9, 0.99};
    for (size_t i = 0; i < series.size(); ++i) {
      double value = kNone;
      if (answered.count() > 0)
        value = static_cast<double>(i < 3 ? answered.at_rank(quantile_rank(answered.count(), shares[i])) : answered.max());
      series[i].points.emplace_back(at, value);
    }
  }
  return line_plot(options, series);
}

std::string outcomes_over_time(const Report& report, const ClientReport& client) {
  PlotOptions options;
  options.title = "Outcomes of " + client.options.name + " over the run";
  options.x_label = "seconds since the measurement began, by intended start";
  options.y_label = "requests per second";
  const Spans run = spans_of(report, client);
  const double width = run.seconds;
  std::vector<Series> series;
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    if (client.outcomes[i] == 0) continue;
    series.push_back({std::string(outcome_name(static_cast<Outcome>(i))), kOutcomeColors[i], {}});
    for (size_t s = 0; s < run.spans.size(); ++s) {
      // The last span may be cut short by the end of the run.
      const double covered = std::min(width, report.seconds() - static_cast<double>(s) * width);
      series.back().points.emplace_back(static_cast<double>(s) * width, run.spans[s].outcomes[i] / covered);
    }
  }
  return stacked_bars(options, series, width);
}

// Latency over the share of all requests that took at most so long, the axis stretched towards 100 %.
std::string percentiles(const std::vector<const ClientReport*>& rows) {
  PlotOptions options;
  options.title = "Latency by percentile of all requests";
  options.x_label = "percent of requests, unanswered ones beyond the end of the line";
  options.y = Scale::kLogarithmic;
  options.y_is_time = true;
  options.x = Scale::kLinear;
  const auto stretched = [](double share) { return -std::log10(1 - share); };
  std::vector<Series> series;
  uint64_t most = 1;
  for (size_t c = 0; c < rows.size(); ++c) {
    const ClientReport& client = *rows[c];
    if (client.requests == 0) continue;
    series.push_back({client.options.name, kClientColors[c % kClientColors.size()], {}});
    const double all = static_cast<double>(client.requests);
    most = std::max(most, client.requests);
    double below = 0;
    client.answered.for_each([&](int64_t, int64_t high, uint64_t count) {
      const double value = static_cast<double>(std::min(high, client.answered.max()));
      series.back().points.emplace_back(stretched(below / all), value);
      below += static_cast<double>(count);
      // The largest of n values stands for the last 1/n.
      series.back().points.emplace_back(stretched(std::min(below, all - 0.5) / all), value);
    });
  }
  for (const auto& [share, label] : std::initializer_list<std::pair<double, const char*>>{{0, "0"},
                                                                                          {0.5, "50"},
                                                                                          {0.9, "90"},
                                                                                          {0.99, "99"},
                                                                                          {0.999, "99.9"},
                                                                                          {0.9999, "99.99"},
                                                                                          {0.99999, "99.999"},
                                                                                          {0.999999, "99.9999"}})
    if (share == 0 || (1 - share) * static_cast<double>(most) >= 0.5) options.x_ticks.push_back({stretched(share), label});
  return line_plot(options, series);
}

// Counts over a logarithmic axis of latency; the root of the count, so that a single late answer is seen.
std::string distribution(const ClientReport& client) {
  constexpr double kBinsPerDecade = 24;
  PlotOptions options;
  options.title = "Distribution of the latency of answers, " + client.options.name;
  options.x_label = "latency";
  options.y_label = "answers (square root)";
  options.y = Scale::kSquareRoot;
  std::vector<double> bins;
  double first = kNone;
  client.answered.for_each([&](int64_t low, int64_t high, uint64_t count) {
    const double bin = std::floor(std::log10(std::max<double>(1, static_cast<double>(low) / 2 + static_cast<double>(high) / 2)) *
                                  kBinsPerDecade);
    if (bins.empty()) first = bin;
    bins.resize(static_cast<size_t>(bin - first) + 1);
    bins.back() += static_cast<double>(count);
  });
  Series series{"answers", "#0b6e4f", {}};
  double last = first;
  for (const double count : bins) series.points.emplace_back(last++ / kBinsPerDecade, count);
  if (bins.empty()) return "";
  for (double decade = std::floor(first / kBinsPerDecade); decade <= last / kBinsPerDecade; ++decade)
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double at = decade + std::log10(factor);
      if (at >= first / kBinsPerDecade && at <= last / kBinsPerDecade)
        options.x_ticks.push_back({at, duration_text(static_cast<int64_t>(std::llround(std::pow(10, at))))});
    }
  if (client.options.deadline_ns > 0) options.level = std::log10(static_cast<double>(client.options.deadline_ns));
  options.level_is_x = true;
  options.level_name = "deadline";
  return stacked_bars(options, {series}, 1 / kBinsPerDecade);
}

std::string generator_part(const Report& report, const ClientReport& total) {
  std::string out = "<h2>The generator itself</h2>\n<p>It used " + percent(report.cpu_share) + " of a CPU and opened " +
                    std::to_string(total.connections_opened) + " connections. ";
  if (total.behind.count() > 0)
    out += "It took requests up " + time_of(quantile(total.behind, 0.5).value) + " (p50), " +
           time_of(quantile(total.behind, 0.99).value) + " (p99), " + duration_text(total.behind.max()) +
           " (max) after they were meant to start; this is part of every latency. ";
  out += std::to_string(total.delayed) + " requests waited for a free connection. " +
         format("%.1f MB", static_cast<double>(total.bytes_sent) / 1e6) + " were sent and " +
         format("%.1f MB", static_cast<double>(total.bytes_received) / 1e6) + " received.</p>\n";
  return out;
}

}  // namespace

std::string html_page(const Report& report) {
  ClientReport total = report.total();
  if (report.clients.size() == 1) total.options = report.clients[0].options;
  const std::vector<const ClientReport*> rows = rows_of(report, total);
  std::string out = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Load on " + escaped(report.url) +
         "</title>\n";
  out += std::string("<style>") + kStyle + "</style>\n</head>\n<body>\n<main>\n<h1>Load on " + escaped(report.url) + "</h1>\n";
  out += "<p class=\"dim\">" + date_text(report.date_s) + ": " + duration_text(report.duration_ns) + " measured after " +
         duration_text(report.warmup_ns) + " of warm-up, seed " + std::to_string(report.seed) + ", time-out " +
         duration_text(report.timeout_ns) + "</p>\n";
  for (const std::string& warning : warnings(report)) out += "<p class=\"warning\">" + escaped(warning) + "</p>\n";
  out += tiles(report, total) + "<h2>Clients</h2>\n" + client_table(report, rows);
  out += "<h2>Latency, from the intended start</h2>\n" + latency_table(rows);
  out +=
      "<p class=\"dim\">Small print: 95 % confidence, by order statistics. In \"all requests\" one without a good answer takes "
      "for ever.</p>\n";
  out += percentiles(rows);
  for (const ClientReport* client : rows) {
    if (client == &total) continue;
    out += "<h2>Client " + escaped(client->options.name) + "</h2>\n<p class=\"dim\">" + escaped(client->shapes) + "</p>\n" +
           outcome_table(*client);
    out += latency_over_time(report, *client) + outcomes_over_time(report, *client) + distribution(*client);
  }
  return out + generator_part(report, total) + "</main>\n</body>\n</html>\n";
}

}  // namespace tercel::load
