#include "cli/load_report.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "base/json.h"
#include "load/quantity.h"
#include "load/statistics.h"

namespace tercel::cli {

namespace {

using load::ClientReport;
using load::Outcome;
using load::Quantile;

struct Named {
  const char* name;
  double share;
};
constexpr std::array<Named, 4> kQuantiles = {{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}};

double in_us(int64_t ns) { return static_cast<double>(ns) / 1e3; }

std::string percent_text(double share) {
  // Rounded down: what is not all must not read as 100 %.
  return fixed(std::floor(share * 100'000) / 1000, 3) + " %";
}

std::string rate_text(double rate) { return fixed(rate, rate < 1000 ? 1 : 0) + "/s"; }

std::string quantile_text(int64_t ns) {
  if (ns == Quantile::kUnknown) return "?";
  return ns == Quantile::kNever ? "never" : time_text(in_us(ns));
}

// "229..233 us", or with both units where they differ.
std::string interval_text(const Quantile& q) {
  if (q.value == Quantile::kUnknown) return "";
  const std::string low = quantile_text(q.low), high = quantile_text(q.high);
  if (low == "never") return low;
  const size_t unit = low.find(' '), other = high.find(' ');
  const bool same = unit != std::string::npos && other != std::string::npos && low.substr(unit) == high.substr(other);
  return (same ? low.substr(0, unit) : low) + ".." + high;
}

void print_clients(const load::Report& report, const std::vector<const ClientReport*>& rows, const Terminal& terminal) {
  Table table({"client", "model", "arrivals", "offered", "achieved", "goodput", "in time", "95 % interval"});
  for (const ClientReport* client : rows) {
    const load::Rates rates = load::rates_of(report, *client);
    const std::string model = client->options.model + (client->options.version.empty() ? "" : ":" + client->options.version);
    table.add({client->options.name, model, client->options.model.empty() ? "" : client->options.arrivals.text,
               rate_text(rates.offered), rate_text(rates.achieved), rate_text(rates.goodput), percent_text(rates.attainment),
               fixed(100 * rates.attainment_low, 2) + ".." + fixed(100 * rates.attainment_high, 2) + " %"});
  }
  table.print(terminal);
}

void print_latency(const std::vector<const ClientReport*>& rows, const Terminal& terminal) {
  Table table({"latency", "of", "p50", "p90", "p99", "p99.9", "max"});
  for (const ClientReport* client : rows) {
    const bool all_answered = client->answers() == client->requests;
    for (const bool all : {false, true}) {
      if (all && all_answered) continue;  // the same figures
      std::vector<std::string> values = {all ? "" : client->options.name, all ? "all requests" : "answers"},
                               intervals = {"", "  95 %"};
      for (const Named& quantile : kQuantiles) {
        const Quantile q = all ? load::quantile_of_all(client->answered, client->requests, quantile.share)
                               : load::quantile(client->answered, quantile.share);
        values.push_back(q.value == Quantile::kUnknown ? "-" : quantile_text(q.value));
        intervals.push_back(interval_text(q));
      }
      const bool any = client->answered.count() > 0;
      values.push_back(all ? "never" : any ? time_text(in_us(client->answered.max())) : "-");
      intervals.emplace_back();
      table.add(std::move(values));
      table.add(std::move(intervals));
    }
  }
  table.print(terminal);
}

// The p50, p99 and max of a histogram, or three empty cells.
std::array<std::string, 3> speed_cells(const load::LogHistogram* histogram) {
  if (!histogram || histogram->count() == 0) return {};
  return {quantile_text(load::quantile(*histogram, 0.5).value), quantile_text(load::quantile(*histogram, 0.99).value),
          time_text(in_us(histogram->max()))};
}

void print_outcomes(const std::vector<const ClientReport*>& rows, const Terminal& terminal) {
  Table table({"client", "outcome", "requests", "share", "p50", "p99", "max", ""});
  for (const ClientReport* client : rows) {
    if (client->options.model.empty()) continue;  // the total repeats them
    for (size_t i = 0; i < load::kOutcomeCount; ++i) {
      const auto outcome = static_cast<Outcome>(i);
      if (client->outcomes[i] == 0) continue;
      const auto* speed = outcome == Outcome::kLate       ? &client->late_by
                          : outcome == Outcome::kRefused  ? &client->refused
                          : outcome == Outcome::kDeadline ? &client->given_up
                                                          : nullptr;
      const auto cells = speed_cells(speed);
      const double share = static_cast<double>(client->outcomes[i]) / static_cast<double>(client->requests);
      std::string note = outcome == Outcome::kLate ? "past the deadline" : client->examples[i].substr(0, 72);
      table.add({client->options.name, std::string(load::outcome_name(outcome)), std::to_string(client->outcomes[i]),
                 percent_text(share), cells[0], cells[1], cells[2], std::move(note)});
    }
  }
  table.print(terminal);
}

void print_generator(const load::Report& report, const ClientReport& total, const Terminal& terminal) {
  std::printf("generator   %.0f %% of a CPU, %llu connection%s opened", 100 * report.cpu_share,
              static_cast<unsigned long long>(total.connections_opened), total.connections_opened == 1 ? "" : "s");
  if (total.behind.count() > 0) {
    const auto cells = speed_cells(&total.behind);
    std::printf("; behind its schedule by %s (p50), %s (p99), %s (max)", cells[0].c_str(), cells[1].c_str(), cells[2].c_str());
  }
  std::printf("\n            %s sent, %s received", bytes_text(static_cast<double>(total.bytes_sent)).c_str(),
              bytes_text(static_cast<double>(total.bytes_received)).c_str());
  if (total.delayed > 0)
    std::printf("; %llu requests delayed for want of a free connection", static_cast<unsigned long long>(total.delayed));
  if (total.refused_late > 0)
    std::printf("; %llu refusals came after the deadline", static_cast<unsigned long long>(total.refused_late));
  std::printf("\n");
  for (const std::string& warning : load::warnings(report))
    std::printf("%s %s\n", terminal.red("warning:").c_str(), warning.c_str());
}

void write_time(JsonWriter& json, int64_t ns) {
  if (ns == Quantile::kUnknown || ns == Quantile::kNever) json.null();
  else json.value(in_us(ns));
}

void write_quantiles(JsonWriter& json, const char* key, const load::LogHistogram& histogram, uint64_t requests) {
  json.key(key).begin_object().field("requests", requests);
  for (const Named& quantile : kQuantiles) {
    const Quantile q = load::quantile_of_all(histogram, requests, quantile.share);
    json.key(quantile.name).begin_object().key("value");
    write_time(json, q.value);
    json.key("low");
    write_time(json, q.low);
    json.key("high");
    write_time(json, q.high);
    json.end_object();
  }
  json.key("max");
  write_time(json, histogram.count() > 0 && histogram.count() == requests ? histogram.max() : Quantile::kUnknown);
  json.end_object();
}

void write_client(JsonWriter& json, const load::Report& report, const ClientReport& client) {
  const load::ClientOptions& options = client.options;
  const load::Rates rates = load::rates_of(report, client);
  json.begin_object().field("name", options.name);
  if (!options.model.empty()) {
    json.field("model", options.model).field("class", options.latency_class).field("arrivals", options.arrivals.text);
    json.field("deadline_us", in_us(options.deadline_ns))
        .field("connections", options.connections)
        .field("shapes", client.shapes)
        .key("parameters")
        .begin_object();
    load::write_parameters(json, options.parameters);
    json.end_object();
  }
  json.field("requests", client.requests).field("offered_per_second", rates.offered).field("achieved_per_second", rates.achieved);
  json.field("goodput_per_second", rates.goodput).key("attainment").begin_object().field("value", rates.attainment);
  json.field("low", rates.attainment_low).field("high", rates.attainment_high).end_object().key("outcomes").begin_object();
  for (size_t i = 0; i < load::kOutcomeCount; ++i) json.field(load::outcome_key(static_cast<Outcome>(i)), client.outcomes[i]);
  json.end_object().key("examples").begin_object();
  for (size_t i = 0; i < load::kOutcomeCount; ++i)
    if (!client.examples[i].empty()) json.field(load::outcome_key(static_cast<Outcome>(i)), client.examples[i]);
  json.end_object();
  write_quantiles(json, "latency_us", client.answered, client.answered.count());
  write_quantiles(json, "latency_of_all_us", client.answered, client.requests);
  write_quantiles(json, "refused_us", client.refused, client.refused.count());
  write_quantiles(json, "deadline_exceeded_us", client.given_up, client.given_up.count());
  write_quantiles(json, "late_by_us", client.late_by, client.late_by.count());
  write_quantiles(json, "behind_us", client.behind, client.behind.count());
  json.field("refused_after_deadline", client.refused_late)
      .field("delayed", client.delayed)
      .field("bytes_sent", client.bytes_sent);
  json.field("bytes_received", client.bytes_received).field("connections_opened", client.connections_opened).end_object();
}

void print_json(const load::Report& report, const ClientReport& total) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("url", report.url).field("seed", report.seed).field("duration_s", report.seconds());
  json.field("warmup_s", static_cast<double>(report.warmup_ns) * 1e-9).field("interrupted", report.interrupted);
  json.field("generator_cpu_share", report.cpu_share).key("warnings").begin_array();
  for (const std::string& warning : load::warnings(report)) json.value(warning);
  json.end_array().key("total");
  write_client(json, report, total);
  json.key("clients").begin_array();
  for (const ClientReport& client : report.clients) write_client(json, report, client);
  json.end_array().end_object();
  std::printf("%s\n", out.c_str());
}

std::string conclusion(const load::FoundRate& found, const load::Target& target) {
  const std::string limited =
      found.generator_limited ? "; there the generator itself was late or out of CPU, so the server may bear more" : "";
  if (found.kept == 0)
    return "no rate kept " + target.text + "; " + rate_text(found.broken) + " was the lowest that was tried" + limited;
  if (found.broken == 0) return rate_text(found.kept) + " kept " + target.text + ", and no higher rate was tried";
  return rate_text(found.kept) + " kept " + target.text + ", " + rate_text(found.broken) + " broke it" + limited;
}

}  // namespace

void print_load_report(const load::Report& report, const Terminal& terminal) {
  const ClientReport total = report.total();
  if (terminal.json) return print_json(report, total);
  if (terminal.quiet) return;
  std::vector<const ClientReport*> rows;
  for (const ClientReport& client : report.clients) rows.push_back(&client);
  if (rows.size() > 1) rows.push_back(&total);
  std::printf("%s on %s, %s measured after %s of warm-up, seed %llu\n\n", terminal.bold("load").c_str(), report.url.c_str(),
              load::duration_text(report.duration_ns).c_str(), load::duration_text(report.warmup_ns).c_str(),
              static_cast<unsigned long long>(report.seed));
  print_clients(report, rows, terminal);
  std::printf("\n");
  print_latency(rows, terminal);
  std::printf("\n");
  print_outcomes(rows, terminal);
  std::printf("\n");
  print_generator(report, total, terminal);
}

void print_found_rate(const load::FoundRate& found, const load::Target& target, const std::string& url,
                      const Terminal& terminal) {
  if (terminal.json) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().field("url", url).field("target", target.text).field("rate", found.kept).key("broken_rate");
    if (found.broken > 0) json.value(found.broken);
    else json.null();
    json.field("generator_limited", found.generator_limited).key("trials").begin_array();
    for (const load::TriedRate& tried : found.tried) {
      const load::Tally worst = tried.trial.worst();
      json.begin_object().field("rate", tried.trial.rate).field("kept", tried.kept).field("rounds", tried.rounds);
      json.field("good", worst.good)
          .field("requests", worst.requests)
          .field("generator_limited", tried.trial.generator_limited)
          .end_object();
    }
    json.end_array().end_object();
    std::printf("%s\n", out.c_str());
    return;
  }
  if (terminal.quiet) return;
  std::printf("%s on %s that keeps %s\n\n", terminal.bold("highest rate").c_str(), url.c_str(), target.text.c_str());
  Table table({"rate", "good", "95 % interval", "requests", "rounds", "verdict"});
  for (const load::TriedRate& tried : found.tried) {
    const load::Tally worst = tried.trial.worst();
    const load::ShareInterval interval = load::share_interval(worst.good, worst.requests);
    const double share = worst.requests == 0 ? 0 : static_cast<double>(worst.good) / static_cast<double>(worst.requests);
    table.add({rate_text(tried.trial.rate), percent_text(share),
               fixed(100 * interval.low, 2) + ".." + fixed(100 * interval.high, 2) + " %", std::to_string(worst.requests),
               std::to_string(tried.rounds),
               tried.kept                      ? "kept"
               : tried.trial.generator_limited ? "broken, generator late"
                                               : "broken"});
  }
  table.print(terminal);
  std::printf("\n%s\n", conclusion(found, target).c_str());
}

}  // namespace tercel::cli
