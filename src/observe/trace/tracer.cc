#include "observe/trace/tracer.h"

#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <vector>

#include "observe/counter.h"
#include "observe/log.h"
#include "observe/trace/queue.h"
#include "platform/clock.h"

namespace tercel::observe::trace {
namespace {

// How often the queue is looked at: request threads wake nobody, so that telling costs them no system call.
constexpr std::chrono::milliseconds kLook{20};
constexpr std::string_view kComponent = "traces";

int64_t nanoseconds(std::chrono::milliseconds time) { return std::chrono::nanoseconds(time).count(); }

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"), one a thread. Ids must differ, not be
// secret.
uint64_t random_id() {
  thread_local uint64_t state = [] {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
      seed = static_cast<uint64_t>(platform::now_ns()) ^ reinterpret_cast<uint64_t>(&seed) << 20;
    return seed;
  }();
  for (;;) {
    uint64_t id = state += 0x9e3779b97f4a7c15;
    id = (id ^ id >> 30) * 0xbf58476d1ce4e5b9;
    id = (id ^ id >> 27) * 0x94d049bb133111eb;
    id ^= id >> 31;
    if (id != 0) return id;
  }
}

}  // namespace

class Tracer::Exporter {
 public:
  explicit Exporter(const Options& options) : options_(options), queue_(options.queue_max) {
    batch_.reserve(std::max<size_t>(options.batch_max, 1));
  }

  void record(const Span& span) {
    if (!queue_.push(span)) dropped_full_.add(span.spans());
  }

  void run() {
    while (wait_for_batch()) export_batches(false);
    export_batches(true);
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }

  // True when the thread is at its end.
  bool stop(std::chrono::milliseconds flush) {
    std::unique_lock lock(mutex_);
    stop_ns_.store(platform::now_ns() + nanoseconds(flush));
    changed_.notify_all();
    // What it does beyond a look at the clock is looking up a name: a little more than it has is waited for.
    return changed_.wait_for(lock, flush + 5 * kLook, [&] { return is_over_; });
  }

  uint64_t exported() const { return exported_.value(); }
  uint64_t dropped_full() const { return dropped_full_.value(); }
  uint64_t dropped_failed() const { return dropped_failed_.value(); }

 private:
  static constexpr int64_t kRunning = std::numeric_limits<int64_t>::max();

  bool is_stopping() const { return stop_ns_.load() != kRunning; }

  // Until a batch is full, or something has waited for long enough. False when it is to stop.
  bool wait_for_batch() {
    const int64_t due_ns = platform::now_ns() + nanoseconds(options_.delay);
    std::unique_lock lock(mutex_);
    while (!is_stopping()) {
      const size_t waiting = queue_.size();
      if (waiting >= options_.batch_max || (waiting > 0 && platform::now_ns() >= due_ns)) return true;
      changed_.wait_for(lock, std::min(kLook, options_.delay));
    }
    return false;
  }

  // All that waits when it is due; then on only while batches are full, so that a trickle does not become a batch each.
  void export_batches(bool to_the_end) {
    do {
      batch_.clear();
      for (Span span; batch_.size() < options_.batch_max && queue_.pop(span);) batch_.push_back(span);
      if (batch_.empty()) return;
      write_export(options_.resource, batch_, body_);
      finish(deliver());
    } while (to_the_end || queue_.size() >= options_.batch_max);
  }

  // Tries until the collector has taken the batch or there is no point any more. Empty, or why it was given up.
  std::string deliver() {
    int64_t pause_ns = nanoseconds(options_.first_backoff);
    for (int attempt = 1;; ++attempt, pause_ns *= 2) {
      const auto answer = post(options_.collector, body_, platform::now_ns() + nanoseconds(options_.timeout), stop_ns_);
      if (answer.ok() && answer->is_accepted()) return {};
      const std::string why = answer.ok() ? "it answers " + std::to_string(answer->status) : answer.error().message();
      if (attempt == kExportAttemptsMax || (answer.ok() && !answer->is_worth_repeating())) return why;
      const int64_t asked_ns = answer.ok() ? answer->retry_after_ns.value_or(0) : 0;
      if (!pause(std::max(pause_ns, asked_ns))) return why;
    }
  }

  // Waits before the next attempt, a little more or less than asked for, so that servers that lost the same collector do not
  // come back to it in step. False when the thread is to stop.
  bool pause(int64_t ns) {
    const int64_t most_ns = int64_t{kExportBackoffMsMax} * 1'000'000;
    const int64_t bounded_ns = std::min(ns, most_ns);
    const auto spread = static_cast<int64_t>(random_id() % (static_cast<uint64_t>(bounded_ns) / 4 + 1));
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, std::chrono::nanoseconds(bounded_ns - spread), [&] { return is_stopping(); });
  }

  void finish(const std::string& failure) {
    uint64_t spans = 0;
    for (const Span& span : batch_) spans += span.spans();
    (failure.empty() ? exported_ : dropped_failed_).add(spans);
    if (failure.empty() == !is_failing_) return;
    is_failing_ = !failure.empty();
    if (is_failing_)
      log(LogLevel::kWarning, kComponent,
          "the collector takes no spans; they are dropped, and counted in /metrics, until it does",
          {{"url", options_.collector.url}, {"reason", failure}});
    else log(LogLevel::kInfo, kComponent, "the collector takes spans again", {{"url", options_.collector.url}});
  }

  const Options options_;
  Queue queue_;
  Counter exported_, dropped_full_, dropped_failed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<int64_t> stop_ns_{kRunning};  // when to give up
  bool is_over_ = false;
  // Of the thread.
  std::vector<Span> batch_;
  std::string body_;
  bool is_failing_ = false;
};

Tracer::Tracer(const Options& options)
    : sampler_(options.sampler),
      flush_(options.flush),
      exporter_(std::make_shared<Exporter>(options)),
      thread_([exporter = exporter_] { exporter->run(); }) {}

Tracer::~Tracer() { stop(); }

void Tracer::stop() {
  if (!thread_.joinable()) return;
  if (exporter_->stop(flush_)) thread_.join();
  else thread_.detach();
}

Context Tracer::begin(const Parent& parent) const {
  Context context;
  context.trace = parent.is_valid() ? parent.trace : TraceId{random_id(), random_id()};
  context.is_sampled = sampler_.wants(parent, context.trace);
  if (context.is_sampled) {
    context.span = random_id();
    context.parent = parent.is_valid() ? parent.span : 0;
  } else if (!parent.is_valid()) {
    context.trace = {};
  }
  return context;
}

void Tracer::record(const Span& span) { exporter_->record(span); }

uint64_t Tracer::spans_exported() const { return exporter_->exported(); }
uint64_t Tracer::spans_dropped_full() const { return exporter_->dropped_full(); }
uint64_t Tracer::spans_dropped_failed() const { return exporter_->dropped_failed(); }

}  // namespace tercel::observe::trace
