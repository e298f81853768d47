#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "cli/commands.h"
#include "cli/screen.h"
#include "load/quantity.h"
#include "platform/clock.h"
#include "top/source.h"

namespace tercel::cli {
namespace {

constexpr int64_t kIntervalNsMin = 100'000'000, kIntervalNsMax = 3'600'000'000'000;
constexpr int64_t kPatienceNs = 2'000'000'000;
constexpr size_t kMissedShown = 10;  // with --once

struct Options {
  std::string url = "http://127.0.0.1:8000", interval = "1s", order = "requests";
  bool once = false;
};

Result<int64_t> interval_of(const Options& options) {
  const auto parsed = load::parse_duration(options.interval);
  if (!parsed.ok()) return parsed.error().within("--interval");
  if (*parsed < kIntervalNsMin || *parsed > kIntervalNsMax) return invalid("--interval must be between 100ms and 60m");
  return *parsed;
}

top::Order order_of(const std::string& name) {
  size_t i = 0;
  while (i + 1 < top::kOrderCount && top::order_name(static_cast<top::Order>(i)) != name) ++i;
  return static_cast<top::Order>(i);
}

// Two readings and what happened in between.
Result<void> show_once(const Options& options, top::Source& source, int64_t interval_ns, const Terminal& terminal,
                       const std::string& url) {
  const top::Reading before = TRY(source.read()).reading;
  std::this_thread::sleep_for(std::chrono::nanoseconds(interval_ns));
  auto now = TRY(source.read());
  top::View view = top::make_view(before, now.reading);
  if (terminal.json) {
    top::sort_rows(view.rows, order_of(options.order));
    std::printf("%s\n", top::json_text(view, now.missed, url).c_str());
    return {};
  }
  now.missed.resize(std::min(now.missed.size(), kMissedShown));
  const top::Frame frame{.url = url, .width = terminal_width(), .order = order_of(options.order)};
  for (const top::Line& line : top::lay_out(&view, now.missed, frame)) std::printf("%s\n", styled(line, terminal.color).c_str());
  return {};
}

// What is on the screen.
struct State {
  std::optional<top::Reading> before;
  std::optional<top::View> view;
  std::vector<top::Missed> missed;
  std::string message = "measuring";
};

void refresh(State& state, top::Source& source) {
  auto answer = source.read();
  if (!answer.ok()) {
    // Old numbers beside a server that is gone would be read as new ones.
    state = {};
    state.message = answer.error().message() + " (asked again)";
    return;
  }
  if (state.before) {
    state.view = top::make_view(*state.before, answer->reading);
    state.message.clear();
  } else {
    state.message = "measuring";
  }
  state.before = std::move(answer->reading);
  state.missed = std::move(answer->missed);
}

Result<void> watch(const Options& options, top::Source& source, int64_t interval_ns, const Terminal& terminal,
                   const std::string& url) {
  Screen screen;
  State state;
  top::Order order = order_of(options.order);
  for (int64_t next_ns = platform::now_ns(); !screen.is_interrupted();) {
    if (platform::now_ns() >= next_ns) {
      refresh(state, source);
      next_ns = std::max(next_ns + interval_ns, platform::now_ns() + kIntervalNsMin);
    }
    const auto [width, height] = screen.size();
    const top::Frame frame{url, width, height, order, state.message, true};
    screen.draw(top::lay_out(state.view ? &*state.view : nullptr, state.missed, frame), terminal.color);
    const char key = screen.wait_for_key(next_ns);
    if (key == 'q' || key == 'Q') return {};
    if (key == 's' || key == 'S') order = static_cast<top::Order>((static_cast<size_t>(order) + 1) % top::kOrderCount);
  }
  return {};
}

Result<void> top_command(const Options& options, const Shared& shared) {
  const Terminal terminal = shared.terminal();
  const load::Address address = TRY(load::parse_url(options.url));
  const int64_t interval_ns = TRY(interval_of(options));
  top::Source source(address, kPatienceNs);
  if (options.once || terminal.json) return show_once(options, source, interval_ns, terminal, address.url);
  if (!isatty(STDOUT_FILENO)) return invalid("stdout is no terminal; say --once for one table, or --json");
  return watch(options, source, interval_ns, terminal, address.url);
}

}  // namespace

void add_top(CLI::App& app, const Shared& shared, Action& action) {
  auto* command = app.add_subcommand("top", "watch a running server: rates, deadlines met, percentiles, queues, what was missed");
  auto options = std::make_shared<Options>();
  command->add_option("url", options->url, "the server")->type_name("URL")->capture_default_str();
  command->add_option("--interval", options->interval, "between two looks")->type_name("TIME")->capture_default_str();
  std::vector<std::string> orders;
  for (size_t i = 0; i < top::kOrderCount; ++i) orders.emplace_back(top::order_name(static_cast<top::Order>(i)));
  command->add_option("--sort", options->order, "what comes first")->check(CLI::IsMember(orders))->capture_default_str();
  command->add_flag("--once", options->once, "print one table, measured over one interval, and end; --json does, too");
  command->footer(
      "Keys: q quits, s changes the order.\n"
      "Columns, per second where they count: requests; answers in time; deadlines met, of requests that were not refused;\n"
      "p50 and p99 of answers; mean slack; waiting and running now; refused (no time before the deadline, no room in the "
      "queue);\n"
      "answered late; missed their deadline; invalid; failed.");
  command->callback([=, &shared, &action] { action = [=, &shared] { return top_command(*options, shared); }; });
}

}  // namespace tercel::cli
