#include "engine/session.h"

#include <algorithm>

#include "engine/binding.h"
#include "engine/parallel/pool.h"
#include "engine/profile.h"
#include "engine/rush.h"
#include "engine/turn.h"
#include "platform/clock.h"
#include "platform/cpus.h"
#include "platform/isa.h"
#include "platform/pages.h"

namespace tercel::engine {

namespace {

Error used_twice() {
  return invalid(
      "this session is in use by another thread: give each thread a session of its own, they share the plan's weights");
}

}  // namespace

struct Session::State final : ArenaSource {
  State(Environment e, platform::Pages pages) : environment(std::move(e)), arena(std::move(pages)) {}

  // All bindings use one arena: only one of them runs at a time.
  Result<std::byte*> take(size_t bytes) override {
    if (bytes > arena.bytes()) {
      const size_t before = arena.bytes();
      TRY(environment.budget.take(bytes - before));
      const auto grown = arena.grow(bytes);
      environment.budget.give(bytes - before);
      TRY(grown);
      TRY(environment.budget.take(arena.bytes() - before));
    }
    return arena.data();
  }

  Binding* find(const Binding* binding) {
    for (const auto& candidate : bindings)
      if (candidate.get() == binding) return candidate.get();
    return nullptr;
  }

  // Bound shapes that nobody holds. Holders may let go meanwhile, none may come.
  size_t unheld() const {
    return static_cast<size_t>(std::ranges::count_if(bindings, [](const auto& binding) { return !binding->is_held(); }));
  }

  // False when there is none that nobody holds.
  bool evict_oldest() {
    auto oldest = bindings.end();
    for (auto binding = bindings.begin(); binding != bindings.end(); ++binding)
      if (!(*binding)->is_held() && (oldest == bindings.end() || (*binding)->last_used < (*oldest)->last_used)) oldest = binding;
    if (oldest == bindings.end()) return false;
    bindings.erase(oldest);
    size_t needed = 0;
    for (const auto& binding : bindings) needed = std::max(needed, binding->graph->first_region().arena_bytes);
    const size_t before = arena.bytes();
    arena.shrink(needed);
    environment.budget.give(before - arena.bytes());
    return true;
  }

  Disturbances disturbances() const { return {pool->chunks_taken_back(), pool->throttled()}; }

  Environment environment;
  platform::Pages arena;
  SessionOptions options;
  std::string notice;
  std::vector<plan::InputRange> ranges;
  std::unique_ptr<Pool> pool;
  kernels::SerialWorkers serial;
  Rush rush;
  std::vector<std::unique_ptr<Binding>> bindings;
  uint64_t clock = 0;  // counts uses, to find the least recent
  std::atomic<bool> busy{false};
  Observer observer = nullptr;
  void* observer_user = nullptr;
  kernels::Failure failure;
};

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::open(std::shared_ptr<const plan::Program> program, const SessionOptions& options) {
  if (!program || program->graphs.empty()) return invalid("there is no program to open");
  if (options.bindings_max < 1) return invalid("a session keeps at least one bound shape");
  const platform::Isa& host = platform::host_isa();
  Environment environment{.program = program,
                          .tuned = best_section(*program, host),
                          .packed = PackedWeights::of(program),
                          .isa = host,
                          .threads = options.threads > 0 ? options.threads : platform::usable_cpus(),
                          .lock_memory = options.lock_memory,
                          .budget = MemoryBudget(options.memory_bytes_max)};
  auto state = std::make_unique<State>(std::move(environment), TRY(platform::Pages::reserve(options.memory_bytes_max)));
  state->options = options;
  state->notice = notice_of(*program, state->environment.tuned, host);
  state->ranges = ranges_of(*program);
  const int threads = state->environment.threads;
  state->pool = TRY(Pool::start(threads, options.take_back, threads > 1 ? QuotaWatch::of_process() : nullptr));
  if (options.lock_memory) TRY(state->pool->lock_memory());
  state->bindings.reserve(static_cast<size_t>(std::min(options.bindings_max, 64)));
  return std::unique_ptr<Session>(new Session(std::move(state)));
}

const plan::Program& Session::program() const { return *state_->environment.program; }
int Session::threads() const { return state_->environment.threads; }
const std::string& Session::notice() const { return state_->notice; }

Result<const Binding*> Session::bind(std::span<const Shape> input_shapes) {
  State& state = *state_;
  const Turn turn(state.busy);
  if (!turn.mine()) return used_twice();
  for (const auto& binding : state.bindings) {
    if (!binding->fits(input_shapes)) continue;
    binding->last_used = ++state.clock;
    return binding.get();
  }
  TRY(check_shapes(state.ranges, input_shapes));
  const platform::ScopedFlushDenormals flush;
  while (state.unheld() >= static_cast<size_t>(state.options.bindings_max) && state.evict_oldest()) {}
  state.pool->begin_request(false);
  // A page that comes from disk takes longer than any chunk should: it is waited for, not read twice.
  kernels::Workers& workers = state.pool->for_in_place();
  auto binding = make_binding(state.environment, state.ranges, input_shapes, state, workers);
  while (!binding.ok() && binding.error().code() == ErrorCode::kLimit && state.evict_oldest())
    binding = make_binding(state.environment, state.ranges, input_shapes, state, workers);
  state.pool->end_request();
  if (!binding.ok()) return binding.error();
  (*binding)->last_used = ++state.clock;
  (*binding)->watch.begin(state.disturbances());
  state.bindings.push_back(binding.take());
  return state.bindings.back().get();
}

void Session::hold(const Binding& binding) {
  if (state_->find(&binding)) binding.holders.fetch_add(1, std::memory_order_relaxed);
}

void Session::release(const Binding& binding) { binding.holders.fetch_sub(1, std::memory_order_release); }

std::span<const TensorType> Session::output_types(const Binding& binding) const { return binding.output_types; }

bool Session::has_fixed_size(const Binding& binding, size_t output) const { return binding.has_fixed_size(output); }

Result<void> Session::run(const Binding& wanted, std::span<const InputView> inputs, std::span<void* const> output_buffers,
                          std::span<OutputView> outputs, const RunControl& control) {
  State& state = *state_;
  const Turn turn(state.busy);
  if (!turn.mine()) return used_twice();
  Binding* const binding = state.find(&wanted);
  if (!binding) return not_found("this shape is not bound any more: bind it again before running it");
  TRY(check_run(*state.environment.program, *binding, inputs, output_buffers, outputs));
  binding->last_used = ++state.clock;
  for (size_t i = 0; i < inputs.size(); ++i) binding->inputs[i] = inputs[i].data;
  const platform::ScopedFlushDenormals flush;
  const bool watched = binding->watch.is_on();
  const bool may_share = binding->worth_sharing && state.pool->usable() > 1;
  const int64_t start_ns = watched || may_share ? platform::now_ns() : 0;
  if (may_share) state.rush.begin(start_ns);
  const bool awake = may_share && state.pool->begin_request(binding->worth_waking && binding->asked_for_workers);
  const bool shared = awake || (may_share && binding->worth_waking);
  Pauses pauses(control, shared ? state.pool.get() : nullptr);
  PausingWorkers pausing(pauses);
  kernels::Workers* const alone = pauses.has_point() ? static_cast<kernels::Workers*>(&pausing) : &state.serial;
  const RunContext context{.workers = shared ? state.pool.get() : alone,
                           .in_place_workers = shared ? &state.pool->for_in_place() : alone,
                           .control = control,
                           .check_numerics = state.options.check_numerics,
                           .observer = state.observer,
                           .observer_user = state.observer_user,
                           .failure = &state.failure,
                           .pauses = pauses.has_point() ? &pauses : nullptr};
  state.failure.clear();
  auto result = binding->graph->run(context, binding->inputs, output_buffers, outputs);
  const int64_t end_ns = watched || may_share ? platform::now_ns() : 0;
  if (may_share) binding->asked_for_workers = state.pool->end_request(state.rush.end(end_ns) && state.options.linger);
  // Faults and preemptions while the run was stopped belong to others.
  if (watched && pauses.has_stopped()) binding->watch.begin(state.disturbances());
  else if (watched && result.ok()) binding->watch.add(end_ns - start_ns, state.disturbances());
  return result;
}

const LatencyReport& Session::latency(const Binding& binding) const { return binding.watch.report(); }

uint64_t Session::chunks_taken_back() const { return state_->pool->chunks_taken_back(); }

std::vector<Session::StepInfo> Session::steps(const Binding& binding) const { return steps_of(program(), binding); }

size_t Session::arena_bytes(const Binding& binding) const { return binding.graph->first_region().arena_bytes; }

void Session::observe(Observer observer, void* user) {
  state_->observer = observer;
  state_->observer_user = user;
}

}  // namespace tercel::engine
