#include <algorithm>

#include "base/json.h"
#include "cli/commands.h"
#include "load/reservation.h"

namespace tercel::cli {

namespace {

struct Options {
  std::string url, release;
  bool list = false;
  bool asks = false;  // any option of the wish was given
  load::ReservationWish wish;
};

std::string period_text(const load::ReservationReport& r) {
  return "every " + time_text(static_cast<double>(r.period_us)) +
         (r.jitter_us > 0 ? " - " + time_text(static_cast<double>(r.jitter_us)) : "");
}

void print_made(const load::ReservationReport& r) {
  std::printf("%s\n", r.id.c_str());
  std::printf("model %s, version %s: %lld row%s %s, answered within %s\n", r.model.c_str(), r.version.c_str(),
              static_cast<long long>(r.rows), r.rows == 1 ? "" : "s", period_text(r).c_str(),
              time_text(static_cast<double>(r.deadline_us)).c_str());
  std::printf(
      "each request is counted as %s: the longest of %llu runs (%s), a hand-over and %.0f %%; other work may block for %s\n",
      time_text(static_cast<double>(r.worst_us)).c_str(), static_cast<unsigned long long>(r.runs),
      time_text(static_cast<double>(r.measured_us)).c_str(), 100 * r.margin,
      time_text(static_cast<double>(r.blocking_us)).c_str());
  std::printf("name it in the header x-tercel-reservation; it is released after %lld s of silence\n",
              static_cast<long long>(r.lease_s));
}

void print_table(const std::vector<load::ReservationReport>& reservations, const Terminal& terminal) {
  if (reservations.empty()) {
    std::printf("no reservations\n");
    return;
  }
  Table table({"reservation", "model", "requests", "rows", "deadline", "counted as", "served", "policed", "missed"});
  for (const auto& r : reservations) {
    table.add({r.id, r.model + ":" + r.version, period_text(r), std::to_string(r.rows),
               time_text(static_cast<double>(r.deadline_us)), time_text(static_cast<double>(r.worst_us)),
               std::to_string(r.served), std::to_string(r.policed), r.missed > 0 ? terminal.red(std::to_string(r.missed)) : "0"});
  }
  table.print(terminal);
}

Result<void> reserve_command(const Options& options, const Terminal& terminal) {
  const bool makes = !options.list && options.release.empty();
  if (int{options.list} + int{!options.release.empty()} + int{options.asks} > 1)
    return invalid("--list, --release ID and reserving are three things: do one at a time");
  if (makes && (options.wish.model.empty() || options.wish.period_us == 0 || options.wish.deadline_us == 0))
    return invalid("give --model NAME --period-us N --deadline-us N to reserve; or --list, or --release ID");
  const auto address = TRY(load::parse_url(options.url));
  const auto endpoint = TRY(load::reach(address));
  const load::ServerAccess server{address, endpoint, ""};
  const auto answer = TRY(makes          ? load::reserve(server, options.wish)
                          : options.list ? load::list_reservations(server)
                                         : load::release_reservation(server, options.release));
  if (terminal.json) std::printf("%s\n", answer.json.c_str());
  else if (terminal.quiet) return {};
  else if (makes) print_made(answer.reservations[0]);
  else print_table(answer.reservations, terminal);
  return {};
}

}  // namespace

void add_reserve(CLI::App& app, const Shared& shared, Action& action) {
  auto* command = app.add_subcommand("reserve", "reserve capacity on a server for a stream of requests of the class guaranteed");
  auto options = std::make_shared<Options>();
  auto& wish = options->wish;
  command->add_option("url", options->url, "the server, such as http://127.0.0.1:8000")->type_name("URL")->required();
  const std::vector<CLI::Option*> of_the_wish = {
      command->add_option("--model", wish.model, "the model that the requests are for")->type_name("NAME"),
      command->add_option("--period-us", wish.period_us, "between requests, at least")->type_name("NUMBER"),
      command->add_option("--deadline-us", wish.deadline_us, "how long an answer may take")->type_name("NUMBER"),
      command->add_option("--model-version", wish.version, "its version (default: the newest)")->type_name("NUMBER"),
      command->add_option("--jitter-us", wish.jitter_us, "how much earlier than its period a request may come (default: 0)")
          ->type_name("NUMBER"),
      command->add_option("--batch", wish.rows, "rows of each request (default: 1)")->type_name("NUMBER"),
      command->add_option("--lease-s", wish.lease_s, "released after so many seconds of silence (default: 60)")
          ->type_name("NUMBER"),
  };
  command->add_flag("--list", options->list, "the reservations that there are, and what became of their requests");
  command->add_option("--release", options->release, "gives a reservation's capacity back")->type_name("ID");
  command->footer("A refusal says by how much it does not fit. What is counted, and what is promised: docs/reservations.md");
  command->callback([=, &shared, &action] { action = [=, &shared] { return reserve_command(*options, shared.terminal()); }; });
}

}  // namespace tercel::cli
