#include "registry/warm_up.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "engine/profile.h"
#include "platform/clock.h"
#include "platform/isa.h"

namespace tercel::registry {
namespace {

// How often, and once there are two runs for how long, one number of rows is measured.
struct Effort {
  size_t runs_max;
  int64_t time_ns;
};
constexpr Effort kUsual{9, 40'000'000};
constexpr int64_t kWorstShare = 3;         // of the budget, for one row on one thread
constexpr uint32_t kPreparedRowsMax = 32;  // every number of rows up to here is prepared, above it the measured ones
constexpr int64_t kWakeNs = 50'000;        // until the thread of who asked has woken
constexpr int64_t kWorthStoppingNs = 100'000;
constexpr double kSameWithin = 1e-3;

// A request of the smallest shapes that the plan was made for, with `rows` rows where it batches.
class SampleRequest {
 public:
  static Result<SampleRequest> make(const plan::Program& program, int64_t rows) {
    SampleRequest sample;
    for (size_t i = 0; i < program.profile.size(); ++i) {
      const auto& range = program.profile[i];
      Shape shape;
      for (size_t axis = 0; axis < range.low.size(); ++axis)
        shape.push_back(range.low[axis] == 0 && range.high[axis] > 0 ? 1 : range.low[axis]);
      if (rows > 0) shape[0] = Dim(rows);
      TRY(checked_elements(shape));
      const TensorType type{range.dtype, shape};
      std::byte* const values = sample.request_.reserve(i, std::max<size_t>(type.bytes(), 1));
      if (!values) return Error(ErrorCode::kExhausted, "no memory for the warm-up");
      fill(type, values, i);
      sample.request_.inputs.push_back({type, values});
    }
    for (uint32_t i = 0; i < program.main().outputs.size(); ++i) sample.request_.outputs.push_back({i, true});
    return sample;
  }
  const request::InferRequest& request() const { return request_; }

 private:
  // Floats from -1 to 1, integers 0 and 1: what few models refuse. The same values for the same row, whatever is behind it.
  static void fill(const TensorType& type, std::byte* values, size_t seed) {
    std::minstd_rand random(static_cast<unsigned>(seed) + 1);
    visit_dtype(type.dtype, [&]<typename T>() {
      T* const out = reinterpret_cast<T*>(values);
      const int64_t elements = type.shape.elements();
      for (int64_t i = 0; i < elements; ++i) {
        const auto drawn = static_cast<float>(random() % 2001);
        if constexpr (std::is_integral_v<T>) out[i] = static_cast<T>(drawn > 1000);
        else out[i] = static_cast<T>((drawn - 1000) / 1000);
      }
    });
  }

  request::InferRequest request_;
};

// The p99.9 that the plan carries of this kind of machine, for just these shapes and threads; 0 where it has none.
int64_t promised_ns(const plan::Program& program, const request::InferRequest& request, uint32_t threads) {
  const plan::TunedSection* section = engine::best_section(program, platform::host_isa());
  double us = 0;
  for (size_t i = 0; section && i < section->buckets.size(); ++i) {
    const plan::Bucket& bucket = section->buckets[i];
    const bool is_same = std::ranges::equal(request.inputs, bucket.input_shapes, [](const auto& input, const auto& sizes) {
      return input.type.shape.sizes() == sizes;
    });
    for (const plan::MeasuredLatency& latency : bucket.latency)
      if (is_same && latency.threads == threads) us = std::max(us, latency.p999_us);
  }
  return static_cast<int64_t>(std::min(us, 1e9) * 1000);
}

// Of the calling thread.
struct Usage {
  int64_t cpu_ns = 0;
  int64_t preempted = 0;  // how often
};
Usage usage() {
  rusage now{};
  getrusage(RUSAGE_THREAD, &now);
  const int64_t us = int64_t{now.ru_utime.tv_usec} + now.ru_stime.tv_usec;
  return {(int64_t{now.ru_utime.tv_sec} + now.ru_stime.tv_sec) * 1'000'000'000 + us * 1000, now.ru_nivcsw};
}

// How long `run` takes; without what other programs took of it.
Result<int64_t> timed(auto&& run, uint32_t& preempted) {
  const Usage before = usage();
  const int64_t begun_ns = platform::now_ns();
  TRY(run());
  const int64_t took_ns = std::max<int64_t>(platform::now_ns() - begun_ns, 1);
  const Usage after = usage();
  if (after.preempted == before.preempted) return took_ns;
  ++preempted;
  constexpr int64_t kResolutionNs = 1000;
  return std::min(took_ns, after.cpu_ns - before.cpu_ns + kResolutionNs);
}

Result<void> measure(OpenedVariant& variant, InstanceGroup& group, const plan::Program& program, uint32_t rows, bool batches,
                     const Effort& effort) {
  const SampleRequest sample = TRY(SampleRequest::make(program, batches ? rows : 0));
  request::InferReply reply;
  std::vector<int64_t> took_ns;
  took_ns.reserve(effort.runs_max);
  uint32_t preempted = 0;
  Instance& instance = *group.instances[0];
  TRY(instance.run(sample.request(), reply));  // cold caches: it does not count
  const int64_t end_ns = platform::now_ns() + effort.time_ns;
  while (took_ns.size() < effort.runs_max && (took_ns.empty() || platform::now_ns() < end_ns)) {
    took_ns.push_back(TRY(timed([&] { return instance.run(sample.request(), reply); }, preempted)));
  }
  std::sort(took_ns.begin(), took_ns.end());
  const size_t count = took_ns.size();
  const int64_t longest_ns = std::max(took_ns.back(), promised_ns(program, sample.request(), group.threads));
  variant.costs.push_back({group.threads, rows, took_ns[count / 2], longest_ns, took_ns[(count * 99 - 1) / 100],
                           static_cast<uint32_t>(count), preempted});
  return {};
}

// Of the largest batch, on whichever number of threads it is longest; the way to a thread that sleeps is added.
Result<int64_t> longest_step_ns(OpenedVariant& variant, const plan::Program& program, uint32_t rows_max, bool batches) {
  const SampleRequest sample = TRY(SampleRequest::make(program, batches ? rows_max : 0));
  int64_t longest = 0;
  for (InstanceGroup& group : variant.groups)
    longest = std::max(longest, TRY(group.instances[0]->longest_step_ns(sample.request())));
  return longest + kWakeNs;
}

Result<void> prepare(InstanceGroup& group, const plan::Program& program, uint32_t rows_max, bool batches) {
  for (uint32_t rows = 1; rows <= rows_max; rows += rows < kPreparedRowsMax ? 1 : rows) {
    const SampleRequest sample = TRY(SampleRequest::make(program, batches ? rows : 0));
    for (auto& instance : group.instances) TRY(instance->prepare(sample.request()));
  }
  return {};
}

// Row `row` of every output, as doubles.
Result<std::vector<double>> output_row(Instance& instance, const request::InferRequest& request, int64_t row) {
  request::InferReply reply;
  TRY(instance.run(request, reply));
  std::vector<double> values;
  for (const auto& output : reply.outputs) {
    const int64_t rows = output.type.shape.rank() > 0 ? output.type.shape.size(0) : 0;
    if (row >= rows) return unsupported("an output has other rows than the inputs");
    const int64_t each = output.type.shape.elements() / rows;
    visit_dtype(output.type.dtype, [&]<typename T>() {
      const T* const first = static_cast<const T*>(output.data) + row * each;
      for (int64_t i = 0; i < each; ++i) {
        if constexpr (std::is_arithmetic_v<T>) values.push_back(static_cast<double>(first[i]));
        else values.push_back(static_cast<double>(static_cast<float>(first[i])));
      }
    });
  }
  return values;
}

}  // namespace

int64_t batch_rows_of(const plan::Program& program) {
  const plan::ProgramGraph& graph = program.main();
  if (graph.inputs.empty() || graph.outputs.empty()) return 0;
  const auto first_of = [&](plan::ValueId id) {
    const Shape& shape = graph.values[id].type.shape;
    return shape.rank() > 0 ? shape[0] : Dim(0);
  };
  const Dim rows = first_of(graph.inputs[0]);
  if (!rows.is_symbol()) return 0;
  const auto is_rows = [&](plan::ValueId id) { return first_of(id) == rows; };
  if (!std::ranges::all_of(graph.inputs, is_rows) || !std::ranges::all_of(graph.outputs, is_rows)) return 0;
  int64_t most = plan::kDimMax;
  for (const auto& range : program.profile) {
    if (range.low.empty() || range.low[0] > 1) return 0;
    most = std::min(most, range.high[0]);
  }
  return most;
}

Result<void> warm_up(OpenedVariant& variant, const plan::Program& program, uint32_t rows_max, int64_t budget_ns) {
  const bool batches = batch_rows_of(program) > 0;
  const int64_t end_ns = platform::now_ns() + budget_ns;
  for (InstanceGroup& group : variant.groups) TRY(prepare(group, program, rows_max, batches));
  for (uint32_t rows = 1; rows <= rows_max; rows *= 2) {
    if (rows > 1 && platform::now_ns() > end_ns) break;
    for (InstanceGroup& group : variant.groups) {
      const bool is_promised = rows == 1 && group.threads == 1;
      const Effort worst{kWorstRunsMax, std::max(budget_ns / kWorstShare, kUsual.time_ns)};
      TRY(measure(variant, group, program, rows, batches, is_promised ? worst : kUsual));
    }
  }
  // What takes no longer than stopping it would is not stopped, and what takes very long is measured with fewer rows.
  const MeasuredCost& last = variant.costs.back();
  if (last.p50_ns < kWorthStoppingNs) return {};
  variant.longest_step_ns = TRY(longest_step_ns(variant, program, last.rows, batches));
  return {};
}

Result<bool> rows_are_independent(Instance& instance, const plan::Program& program) {
  const SampleRequest one = TRY(SampleRequest::make(program, 1)), two = TRY(SampleRequest::make(program, 2));
  // The second row alone: the same request with its inputs moved on by a row.
  request::InferRequest second;
  second.outputs = two.request().outputs;
  for (const auto& input : two.request().inputs) {
    TensorType type = input.type;
    type.shape[0] = Dim(1);
    second.inputs.push_back({type, static_cast<const std::byte*>(input.data) + type.bytes()});
  }
  for (int64_t row = 0; row < 2; ++row) {
    const auto alone = TRY(output_row(instance, row == 0 ? one.request() : second, 0));
    const auto together = TRY(output_row(instance, two.request(), row));
    double largest = 0, apart = 0;
    if (alone.size() != together.size()) return false;
    for (size_t i = 0; i < alone.size(); ++i) {
      if (!std::isfinite(alone[i]) && !std::isfinite(together[i])) continue;
      largest = std::max(largest, std::abs(alone[i]));
      apart = std::max(apart, std::abs(alone[i] - together[i]));
    }
    if (!(apart <= kSameWithin * std::max(largest, 1e-6))) return false;
  }
  return true;
}

}  // namespace tercel::registry
