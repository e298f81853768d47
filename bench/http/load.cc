// A closed-loop HTTP client. Sends the bytes of REQUEST_FILE over each connection, waits for the answer, and again.
//
//   http_load REQUEST_FILE --ports P[,P...] [--connections N] [--requests N] [--warm-up N] [--block N] [--save FILE]
//
// With one connection and several ports it alternates between the servers in blocks. Every answer must be a 200 with the
// same body as the first one. Prints one JSON object: per port the latency in us and the failures; exit 1 on any failure.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "load_client.h"
#include "platform/clock.h"

namespace {

using tercel::check;
using tercel::bench::LoadClient;

struct Options {
  std::string request, save;
  std::vector<uint16_t> ports;
  int connections = 1, requests = 10'000, warm_up = 500, block = 200;
};

// What was measured against one server.
struct Measured {
  std::vector<int64_t> latency_ns;
  std::string first_body;
  int64_t failures = 0;
};

Options parse(int argc, char** argv) {
  check(argc >= 2, "usage: http_load REQUEST_FILE --ports P[,P...] [options]");
  Options options;
  std::ifstream file(argv[1], std::ios::binary);
  options.request.assign(std::istreambuf_iterator<char>(file), {});
  check(!options.request.empty(), "the request file can be read");
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    const int number = std::atoi(value.c_str());
    if (name == "--connections") options.connections = number;
    else if (name == "--requests") options.requests = number;
    else if (name == "--warm-up") options.warm_up = number;
    else if (name == "--block") options.block = number;
    else if (name == "--save") options.save = value;
    else if (name == "--ports") {
      for (size_t at = 0; at < value.size(); at = std::min(value.find(',', at), value.size() - 1) + 1) {
        options.ports.push_back(static_cast<uint16_t>(std::atoi(value.c_str() + at)));
      }
    } else check(false, "a known option");
  }
  check(!options.ports.empty() && options.connections > 0 && options.block > 0, "sensible options");
  return options;
}

void send_some(LoadClient& client, const Options& options, int count, bool record, Measured& measured) {
  for (int i = 0; i < count; ++i) {
    const int64_t begun = tercel::platform::now_ns();
    const bool answered = client.exchange(options.request);
    const int64_t took = tercel::platform::now_ns() - begun;
    if (!answered) {
      measured.failures += count - i;
      return;
    }
    if (measured.first_body.empty()) measured.first_body = client.body();
    if (client.status() != 200 || client.body() != measured.first_body) ++measured.failures;
    if (record) measured.latency_ns.push_back(took);
  }
}

// One connection, all servers by turns.
std::vector<Measured> alternate(const Options& options) {
  std::vector<Measured> measured(options.ports.size());
  std::vector<LoadClient> clients;
  for (const uint16_t port : options.ports) clients.emplace_back(port);
  for (size_t s = 0; s < clients.size(); ++s) send_some(clients[s], options, options.warm_up, false, measured[s]);
  for (int sent = 0; sent < options.requests; sent += options.block) {
    for (size_t s = 0; s < clients.size(); ++s) send_some(clients[s], options, options.block, true, measured[s]);
  }
  if (!options.save.empty()) std::ofstream(options.save, std::ios::binary) << clients[0].whole();
  return measured;
}

// Many connections to one server, a thread each.
Measured crowd(const Options& options, uint16_t port) {
  std::vector<Measured> parts(static_cast<size_t>(options.connections));
  std::vector<std::thread> threads;
  for (int c = 0; c < options.connections; ++c) {
    threads.emplace_back([&, c] {
      const int share = options.requests / options.connections + (c < options.requests % options.connections);
      LoadClient client(port);
      send_some(client, options, share, true, parts[static_cast<size_t>(c)]);
    });
  }
  Measured all;
  for (size_t c = 0; c < threads.size(); ++c) {
    threads[c].join();
    all.latency_ns.insert(all.latency_ns.end(), parts[c].latency_ns.begin(), parts[c].latency_ns.end());
    all.failures += parts[c].failures;
    if (all.first_body.empty()) all.first_body = parts[c].first_body;
    if (parts[c].first_body != all.first_body) ++all.failures;
  }
  return all;
}

double quantile_us(const std::vector<int64_t>& sorted, double q) {
  if (sorted.empty()) return 0;
  return static_cast<double>(sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1))]) / 1000;
}

void report(tercel::JsonWriter& json, uint16_t port, Measured& measured, double seconds) {
  std::sort(measured.latency_ns.begin(), measured.latency_ns.end());
  json.begin_object().field("port", port).field("requests", measured.latency_ns.size()).field("failures", measured.failures);
  json.field("per_second", static_cast<double>(measured.latency_ns.size()) / seconds);
  json.key("latency_us").begin_object();
  for (const auto& [name, q] :
       {std::pair("min", 0.0), {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1.0}}) {
    json.field(name, quantile_us(measured.latency_ns, q));
  }
  json.end_object().end_object();
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const int64_t begun = tercel::platform::now_ns();
  std::vector<Measured> measured;
  if (options.connections == 1) measured = alternate(options);
  else
    for (const uint16_t port : options.ports) measured.push_back(crowd(options, port));
  const double seconds = static_cast<double>(tercel::platform::now_ns() - begun) * 1e-9;
  std::string text;
  tercel::JsonWriter json(text);
  int64_t failures = 0;
  json.begin_object().field("connections", options.connections).field("seconds", seconds).key("servers").begin_array();
  for (size_t s = 0; s < measured.size(); ++s) {
    failures += measured[s].failures;
    report(json, options.ports[s], measured[s], seconds);
  }
  json.end_array().end_object();
  std::printf("%s\n", text.c_str());
  return failures == 0 ? 0 : 1;
}
