#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

#include "cli/commands.h"
#include "cli/load_report.h"
#include "load/clients_file.h"
#include "load/html.h"
#include "load/quantity.h"
#include "load/rate_trials.h"
#include "load/reservation.h"
#include "platform/placement.h"

namespace tercel::cli {

namespace {

struct Options {
  std::string url, clients_file, arrivals = "poisson", deadline, duration, warmup, timeout, html, find_rate;
  double rate = 0, precision_percent = 5;
  std::vector<std::string> headers, parameters;
  load::ClientOptions client;
  std::string of_one_client;  // names of the options for it that were given
  uint64_t seed = 1;
};

constexpr int64_t kSearchTrialNs = 5'000'000'000;  // of a search, when --duration says nothing

// Ctrl-C ends the run early, and what was measured is reported; a second one ends the program.
std::atomic<bool>* stop_flag = nullptr;

class StopOnInterrupt {
 public:
  explicit StopOnInterrupt(std::atomic<bool>& flag) {
    stop_flag = &flag;
    struct sigaction action {};
    action.sa_handler = [](int) { stop_flag->store(true); };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_);
  }
  ~StopOnInterrupt() { sigaction(SIGINT, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};

Result<int64_t> duration_or(const std::string& text, const char* flag, int64_t otherwise) {
  if (text.empty()) return otherwise;
  const auto parsed = load::parse_duration(text);
  return parsed.ok() ? parsed : Result<int64_t>(parsed.error().within(flag));
}

// A header line of the user's, or why it cannot be one.
Result<std::string> header_line(const std::string& text) {
  const size_t colon = text.find(':');
  const bool plain = text.find_first_of("\r\n") == std::string::npos;
  if (colon == std::string::npos || colon == 0 || !plain) return invalid("--header '" + text + "' is not 'Name: value'");
  return text + "\r\n";
}

Result<std::vector<load::ClientOptions>> clients_of(const Options& options) {
  const bool searching = !options.find_rate.empty();
  if (options.rate < 0 || options.rate > load::kRateMax)
    return invalid("--rate must be above 0 and at most " + std::to_string(static_cast<int64_t>(load::kRateMax)));
  if (!(options.precision_percent >= 0.5 && options.precision_percent <= 100))
    return invalid("--precision must be between 0.5 and 100");
  if (!options.clients_file.empty()) {
    if (!options.of_one_client.empty())
      return invalid("beside --clients there is no " + options.of_one_client + "; write it into " + options.clients_file);
    auto clients = TRY(load::read_clients(options.clients_file));
    for (auto& client : clients) {
      if (client.share == 0) continue;
      if (options.rate == 0 && !searching)
        return invalid(options.clients_file + ": client '" + client.name + "' has a share of --rate, which is not given");
      client.arrivals.rate = client.share * (options.rate > 0 ? options.rate : 1);
    }
    return clients;
  }
  load::ClientOptions client = options.client;
  if (client.model.empty()) return invalid("give --model NAME, or several clients with --clients FILE");
  client.deadline_ns = TRY(duration_or(options.deadline, "--deadline", 0));
  if (!client.latency_class.empty()) client.latency_class = TRY(load::parse_class(client.latency_class));
  for (const std::string& text : options.parameters)
    TRY(load::add_parameter(client.parameters, TRY(load::parse_parameter(text))));
  client.arrivals = TRY(load::parse_arrivals(options.arrivals));
  const bool own_pace = client.closed || client.arrivals.process == load::Process::kTrace;
  if (own_pace && options.rate > 0) return invalid("--rate has no meaning beside --closed or a trace, which set their own pace");
  if (!own_pace && options.rate == 0 && !searching)
    return invalid("give --rate REQUESTS_PER_SECOND, or --closed for as many as the server answers");
  if (client.closed) client.arrivals.text = "closed";
  if (client.connections == 0) client.connections = client.closed ? load::kClosedConnections : load::kOpenConnections;
  client.arrivals.rate = options.rate > 0 ? options.rate : 1;  // a search scales it
  if (const auto sound = load::check_reservation(client); !sound.ok()) return invalid("the client " + sound.error().message());
  return std::vector<load::ClientOptions>{client};
}

// The length of a run that replays traces, when it is not said: up to their ends.
int64_t longest_trace_ns(const std::vector<load::ClientOptions>& clients) {
  int64_t longest = 0;
  for (const auto& client : clients)
    if (client.arrivals.trace) longest = std::max(longest, client.arrivals.trace->back() + 1);
  return longest;
}

Result<load::LoadOptions> load_options(const Options& options) {
  load::LoadOptions made;
  made.address = TRY(load::parse_url(options.url));
  for (const std::string& header : options.headers) made.headers += TRY(header_line(header));
  made.clients = TRY(clients_of(options));
  made.seed = options.seed;
  const int64_t trace_ns = longest_trace_ns(made.clients);
  // A trace's beginning is part of what is replayed: nothing of it is left out unless asked for.
  made.warmup_ns = TRY(duration_or(options.warmup, "--warmup", trace_ns > 0 ? 0 : made.warmup_ns));
  const int64_t usual_ns = !options.find_rate.empty() ? kSearchTrialNs : trace_ns > 0 ? trace_ns : made.duration_ns;
  made.duration_ns = TRY(duration_or(options.duration, "--duration", usual_ns));
  made.timeout_ns = TRY(duration_or(options.timeout, "--timeout", made.timeout_ns));
  if (made.duration_ns < 1'000'000 || made.timeout_ns < 1'000'000)
    return invalid("--duration and --timeout must be at least 1ms");
  return made;
}

// Runs `work` on a thread of its own while the bar is drawn, so that a slow terminal does not make requests late.
template <typename F>
auto beside_progress(const Terminal& terminal, const load::RunControl& control, const std::string& what, int64_t total_ns,
                     F&& work) {
  if (!terminal.progress) return work();
  std::optional<decltype(work())> result;
  std::atomic<bool> done{false};
  std::thread worker([&] {
    result.emplace(work());
    done.store(true);
  });
  ProgressBar bar(terminal);
  while (!done.load()) {
    const int64_t elapsed_ns = std::clamp<int64_t>(control.elapsed_ns.load(), 0, total_ns);
    bar.show(what, total_ns == 0 ? 0 : static_cast<int>(100 * elapsed_ns / total_ns), total_ns == 0 ? 0 : 100);  // percent
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  worker.join();
  return std::move(*result);
}

Result<void> write_html(const std::string& path, const load::Report& report) {
  std::ofstream file(path, std::ios::binary);
  file << load::html_page(report);
  file.close();
  if (!file) return io_error(path + ": the report cannot be written");
  return {};
}

Result<void> measure(const Options& options, load::LoadOptions made, const Terminal& terminal) {
  load::RunControl control;
  const StopOnInterrupt interrupt(control.stop);
  const auto endpoint = TRY(load::reach(made.address));
  load::RunReservations reservations({made.address, endpoint, made.headers});
  TRY(reservations.make(made.clients));
  const auto clients = TRY(load::prepare(made, endpoint));
  const load::Report report = TRY(beside_progress(terminal, control, "load", made.warmup_ns + made.duration_ns,
                                                  [&] { return load::run(made, endpoint, clients, control); }));
  print_load_report(report, terminal);
  if (!options.html.empty()) TRY(write_html(options.html, report));
  for (const auto& client : report.clients)
    if (client.requests > 0 && client.answers() == 0)
      return io_error("client '" + client.options.name + "' got no answer to " + std::to_string(client.requests) + " requests");
  return {};
}

Result<void> search(const Options& options, const load::LoadOptions& made, const Terminal& terminal) {
  const load::Target target = TRY(load::parse_target(options.find_rate));
  load::RunControl control;
  const StopOnInterrupt interrupt(control.stop);
  const auto endpoint = TRY(load::reach(made.address));
  load::RateTrials trials{made, endpoint, TRY(load::prepare(made, endpoint)), target, control};
  TRY(trials.check());
  load::SearchOptions how;
  how.precision = options.precision_percent / 100;
  how.duration_ns = made.duration_ns;
  how.first_rate =
      options.rate > 0 ? options.rate : TRY(beside_progress(terminal, control, "probing", 0, [&] { return trials.probe(); }));
  const auto run_trial = [&](double rate, int64_t duration_ns) {
    const std::string what = "rate " + count_text(rate) + "/s";
    return beside_progress(terminal, control, what, made.warmup_ns + duration_ns, [&] { return trials.run(rate, duration_ns); });
  };
  const load::FoundRate found = TRY(load::find_rate(target, how, run_trial, {}));
  print_found_rate(found, target, made.address.url, terminal);
  return {};
}

Result<void> load_command(const Options& options, const Terminal& terminal) {
  if (!options.find_rate.empty() && !options.html.empty())
    return invalid("--html tells of one run; give it the rate that --find-rate finds");
  const load::LoadOptions made = TRY(load_options(options));
  const auto reserves = [](const auto& client) { return client.reservation == load::kReserveFirst; };
  if (!options.find_rate.empty() && std::ranges::any_of(made.clients, reserves))
    return invalid("--find-rate changes the rate, and a reservation has one: leave the reservation out");
  // On a CPU that a server computes on too, a generator that waits for its turn measures the kernel's scheduler.
  platform::ask_for_short_slices();
  return options.find_rate.empty() ? measure(options, made, terminal) : search(options, made, terminal);
}

// The options of the one client; they mean nothing beside --clients.
std::vector<CLI::Option*> add_client_options(CLI::App& command, Options& options) {
  auto& client = options.client;
  return {
      command.add_option("--model", client.model, "the model to ask")->type_name("NAME"),
      command.add_option("--model-version", client.version, "its version (default: the server chooses)")->type_name("NAME"),
      command.add_option("--class", client.latency_class, "guaranteed, hard, soft or bulk; goes out as x-tercel-class")
          ->type_name("NAME"),
      command
          .add_option("--deadline", options.deadline,
                      "from the intended start, such as 20ms; what is left goes out with each request")
          ->type_name("TIME"),
      command
          .add_option("--arrivals", options.arrivals,
                      "poisson, constant, on-off:ON/OFF (bursts) or trace:FILE (seconds, one a line)")
          ->type_name("PROCESS")
          ->capture_default_str(),
      command
          .add_option("--reservation", client.reservation,
                      "an id of 'tercel reserve', or auto: reserved from --rate and --deadline, and released at the end")
          ->type_name("ID"),
      command.add_flag("--closed", client.closed, "closed loop: each connection asks again as soon as it was answered"),
      command
          .add_option("--connections", client.connections, "at most so many (default: 512); with --closed exactly so many (1)")
          ->check(CLI::Range(1u, load::kClientConnectionsMax))
          ->type_name("NUMBER"),
      command.add_option("--shape", client.shapes, "x=1x784 where the model leaves it open (default: 1); may be repeated")
          ->type_name("NAME=SHAPE")
          ->allow_extra_args(false),
      command.add_option("--inputs", client.inputs, "the inputs' contents, a .npz that is cut into requests (default: random)")
          ->type_name("FILE"),
      command.add_option("--parameter", options.parameters, "in the JSON of every request, such as priority=1; may be repeated")
          ->type_name("NAME=VALUE")
          ->allow_extra_args(false),
  };
}

void add_run_options(CLI::App& command, Options& options) {
  command.add_option("--rate", options.rate, "requests a second that are meant to start, whatever the server does")
      ->type_name("NUMBER");
  command.add_option("--duration", options.duration, "how long to measure (default: 10s; of a search: at least 5s a trial)")
      ->type_name("TIME");
  command.add_option("--warmup", options.warmup, "the same load before that, not measured (default: 1s)")->type_name("TIME");
  command.add_option("--timeout", options.timeout, "give a request up so long after its intended start (default: 10s)")
      ->type_name("TIME");
  command.add_option("--seed", options.seed, "the same seed gives the same schedule and contents")
      ->type_name("NUMBER")
      ->capture_default_str();
  command.add_option("--header", options.headers, "goes out with every request; may be repeated")
      ->type_name("'NAME: VALUE'")
      ->allow_extra_args(false);
  command.add_option("--find-rate", options.find_rate, "search the highest rate that keeps p99=10ms, or attainment=99.9%")
      ->type_name("TARGET");
  command.add_option("--precision", options.precision_percent, "of the search")->type_name("PERCENT")->capture_default_str();
  command.add_option("--html", options.html, "write a report with plots, one self-contained page")->type_name("FILE");
  command
      .add_option("--clients", options.clients_file, "several clients, each with its model, class, deadline and arrivals (below)")
      ->type_name("FILE.toml");
}

}  // namespace

void add_load(CLI::App& app, const Shared& shared, Action& action) {
  auto* command =
      app.add_subcommand("load", "ask a server as its users would and report what they would see (open loop, any OIP server)");
  auto options = std::make_shared<Options>();
  options->client.connections = 0;  // not said
  command->add_option("url", options->url, "the server, such as http://127.0.0.1:8000")->type_name("URL")->required();
  const auto of_one_client = add_client_options(*command, *options);
  add_run_options(*command, *options);
  command->footer(
      "A file for --clients:\n"
      "  [[client]]\n"
      "  name = \"interactive\"\n"
      "  model = \"mlp\"\n"
      "  class = \"hard\"           # optional, as are version, shape, inputs, parameters and connections\n"
      "  deadline = \"20ms\"\n"
      "  rate = 100               # or share = 0.1, of --rate\n"
      "  reservation = \"auto\"    # of class guaranteed, made from rate and deadline; or an id of tercel reserve\n"
      "  arrivals = \"poisson\"     # or constant, on-off:ON/OFF, trace:FILE, closed\n"
      "Latency counts from the intended start of a request, so a stall is charged to all that were meant to start in it.");
  command->callback([=, &shared, &action] {
    for (const CLI::Option* option : of_one_client)
      if (option->count() > 0) options->of_one_client += (options->of_one_client.empty() ? "" : ", ") + option->get_name();
    action = [=, &shared] { return load_command(*options, shared.terminal()); };
  });
}

}  // namespace tercel::cli
