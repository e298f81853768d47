#include "load/run.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "load/clock.h"

namespace tercel::load {
namespace {

constexpr int64_t kLeadNs = 20'000'000;      // before the schedules begin: nothing is late because of setting up
constexpr int64_t kSweepNsMax = 50'000'000;  // between looks at the time-outs, at most
constexpr int64_t kSlices = 120, kSliceNsMin = 10'000'000;
constexpr size_t kBufferBytes = 256 << 10;  // for receiving
constexpr int kEventsMax = 64;              // handled before due requests are looked for
constexpr uint64_t kTimerTag = ~uint64_t{0};
constexpr rlim_t kOtherFiles = 64;

struct Descriptor {
  int fd;
  explicit Descriptor(int opened) : fd(opened) {}
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

// Spreads a seed over clients and purposes (Steele, Lea, Flood: SplitMix64, OOPSLA 2014).
uint64_t mixed(uint64_t seed, uint64_t stream) {
  uint64_t z = seed + (stream + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

Result<void> raise_file_limit(const LoadOptions& options) {
  rlim_t needed = kOtherFiles;
  for (const ClientOptions& client : options.clients) needed += client.connections;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= needed) return {};
  if (limit.rlim_max < needed)
    return too_large("the connections need " + std::to_string(needed) + " open files, and " + std::to_string(limit.rlim_max) +
                     " are allowed; raise the hard limit (ulimit -Hn) or ask for fewer --connections");
  limit.rlim_cur = needed;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return io_error(std::string("raising the limit of open files: ") + std::strerror(errno));
  return {};
}

std::string head_of(const LoadOptions& options, const ClientOptions& client, const Bodies& bodies) {
  std::string head = "POST " + options.address.base_path + model_path(client.model, client.version) + "/infer HTTP/1.1\r\n";
  head += "Host: " + options.address.authority + "\r\nContent-Type: application/octet-stream\r\n";
  head += "Inference-Header-Content-Length: " + std::to_string(bodies.json_bytes) + "\r\n";
  if (!client.reservation.empty()) head += "x-tercel-reservation: " + client.reservation + "\r\n";
  else if (!client.latency_class.empty()) head += "x-tercel-class: " + client.latency_class + "\r\n";
  head += options.headers;
  // The last line has no end: the connection adds it, and what is only known when the request leaves.
  return head + "Content-Length: " + std::to_string(bodies.bodies[0].size());
}

// The loop of one run.
class Loop {
 public:
  Loop(const LoadOptions& options, RunControl& control) : options_(options), control_(control) {}

  Result<void> open(const Endpoint& endpoint, const std::vector<PreparedClient>& prepared);
  Result<void> turn();  // waits for something to do and does it
  bool is_done() const;
  const Window& window() const { return window_; }
  std::vector<ClientReport> take_reports();

 private:
  void start_due(int64_t now);
  int64_t next_due_ns() const;
  Result<void> arm(int64_t at_ns);

  const LoadOptions& options_;
  RunControl& control_;
  Window window_;
  Descriptor epoll_{epoll_create1(EPOLL_CLOEXEC)}, timer_{timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
  AnswerReader answers_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<char> buffer_ = std::vector<char>(kBufferBytes);
  int64_t armed_ns_ = 0, sweep_at_ns_ = 0, sweep_every_ns_ = 0;
};

Result<void> Loop::open(const Endpoint& endpoint, const std::vector<PreparedClient>& prepared) {
  // Edge-triggered: setting the timer again is all that an expiry needs.
  epoll_event event{EPOLLIN | EPOLLET, {.u64 = kTimerTag}};
  if (epoll_.fd < 0 || timer_.fd < 0 || epoll_ctl(epoll_.fd, EPOLL_CTL_ADD, timer_.fd, &event) != 0)
    return io_error(std::string("setting up the load loop: ") + std::strerror(errno));
  window_.warmup_ns = options_.warmup_ns;
  window_.duration_ns = options_.duration_ns;
  window_.timeout_ns = options_.timeout_ns;
  window_.slice_ns = std::max(options_.duration_ns / kSlices, kSliceNsMin);
  sweep_every_ns_ = std::min(kSweepNsMax, options_.timeout_ns / 10 + 1);
  window_.start_ns = now_ns() + kLeadNs;
  for (uint32_t i = 0; i < prepared.size(); ++i)
    clients_.push_back(std::make_unique<Client>(prepared[i], endpoint, answers_, epoll_.fd, i, window_, mixed(options_.seed, i)));
  return {};
}

void Loop::start_due(int64_t now) {
  for (const auto& client : clients_)
    if (client->next_due_ns() <= now) client->start_due(now);
}

int64_t Loop::next_due_ns() const {
  int64_t due = sweep_at_ns_;
  for (const auto& client : clients_) due = std::min(due, client->next_due_ns());
  return due;
}

// A timer of its own, because epoll_wait counts milliseconds, and a thread's timer slack (50 us) does not apply to it.
Result<void> Loop::arm(int64_t at_ns) {
  if (at_ns == armed_ns_) return {};
  armed_ns_ = at_ns;
  itimerspec when{};
  when.it_value = {at_ns / 1'000'000'000, at_ns % 1'000'000'000};
  if (timerfd_settime(timer_.fd, TFD_TIMER_ABSTIME, &when, nullptr) != 0)
    return io_error(std::string("setting the timer: ") + std::strerror(errno));
  return {};
}

Result<void> Loop::turn() {
  int64_t now = now_ns();
  start_due(now);
  if (now >= sweep_at_ns_) {
    for (const auto& client : clients_) client->give_up_overdue(now);
    sweep_at_ns_ = now + sweep_every_ns_;
    control_.elapsed_ns.store(now - window_.start_ns, std::memory_order_relaxed);
  }
  const int64_t due = next_due_ns();
  TRY(arm(due));
  std::array<epoll_event, kEventsMax> events;
  const int count = epoll_wait(epoll_.fd, events.data(), kEventsMax, due <= now_ns() ? 0 : -1);
  if (count < 0 && errno != EINTR) return io_error(std::string("waiting for answers: ") + std::strerror(errno));
  for (int i = 0; i < count; ++i) {
    const uint64_t tag = events[static_cast<size_t>(i)].data.u64;
    if (tag == kTimerTag) continue;
    clients_[tag >> 32]->on_event(static_cast<uint32_t>(tag), events[static_cast<size_t>(i)].events, buffer_);
    start_due(now_ns());  // an answer's handling must not make the next request late
  }
  return {};
}

bool Loop::is_done() const {
  return std::all_of(clients_.begin(), clients_.end(), [](const auto& client) { return client->is_done(); });
}

std::vector<ClientReport> Loop::take_reports() {
  std::vector<ClientReport> reports;
  for (const auto& client : clients_) reports.push_back(client->take_report());
  return reports;
}

}  // namespace

Result<std::vector<PreparedClient>> prepare(const LoadOptions& options, const Endpoint& endpoint) {
  TRY(raise_file_limit(options));
  std::vector<PreparedClient> prepared;
  for (const ClientOptions& client : options.clients) {
    const auto inputs = TRY(fetch_metadata(options.address, endpoint, client.model, client.version, options.headers));
    auto bodies = make_bodies(inputs, client, mixed(options.seed, kClientsMax + prepared.size()));
    if (!bodies.ok()) return options.clients.size() == 1 ? bodies.error() : bodies.error().within("client '" + client.name + "'");
    std::string head = head_of(options, client, *bodies);
    prepared.push_back({client, std::move(head), bodies.take()});
  }
  return prepared;
}

Result<Report> run(const LoadOptions& options, const Endpoint& endpoint, const std::vector<PreparedClient>& clients,
                   RunControl& control) {
  Loop loop(options, control);
  TRY(loop.open(endpoint, clients));
  Report report;
  report.url = options.address.url;
  report.date_s = epoch_seconds();
  report.seed = options.seed;
  const int64_t cpu_ns = thread_cpu_ns(), begun_ns = now_ns();
  while (!loop.is_done() && !control.stop.load(std::memory_order_relaxed)) TRY(loop.turn());
  const int64_t ended_ns = now_ns();
  const Window& window = loop.window();
  report.interrupted = !loop.is_done();
  report.cpu_share = static_cast<double>(thread_cpu_ns() - cpu_ns) / static_cast<double>(ended_ns - begun_ns);
  report.warmup_ns = window.warmup_ns;
  report.timeout_ns = window.timeout_ns;
  report.slice_ns = window.slice_ns;
  report.duration_ns = std::clamp<int64_t>(ended_ns - window.start_ns - window.warmup_ns, 1, window.duration_ns);
  if (!report.interrupted) report.duration_ns = window.duration_ns;
  report.clients = loop.take_reports();
  return report;
}

}  // namespace tercel::load
