#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/latency_watch.h"
#include "engine/run_control.h"
#include "plan/program.h"

namespace tercel::engine {

struct SessionOptions {
  int threads = 0;  // intra-request threads, the caller's included; 0: what cgroup quota and affinity allow
  size_t memory_bytes_max = size_t{16} << 30;  // of arenas and bound shapes together; binding past it is refused
  int bindings_max = 64;                       // cached shapes that nobody holds; the least recently used goes first
  bool check_numerics = false;
  // Takes chunks back from preempted helpers. Uses one real-time signal that nobody handles, for the whole process.
  bool take_back = true;
  // Where requests follow each other closely, helpers stay awake for up to 70 us between them, and steps too small to wake
  // somebody for are shared too. Costs a core meanwhile.
  bool linger = true;
  // Keeps what runs read and write in memory (mlock), so that no shortage of it makes a run wait for a page: the arena, the
  // weights that bound shapes read, the helpers' stacks. Not the program's code, the heap, and what the caller passes: mlockall()
  // is for those. open() and bind() are refused where RLIMIT_MEMLOCK is too small.
  bool lock_memory = false;
};

// The answer to one request. Outputs are views: of the caller's buffer where one was given, else of the session's memory,
// valid until the next run or bind of the session.
struct OutputView {
  TensorType type;
  const void* data = nullptr;
};

// An input of a run. `data` is row-major, aligned to its element; it is only read, and only during the run.
struct InputView {
  TensorType type;
  const void* data = nullptr;
};

// Shapes resolved and addresses assigned for one set of input shapes. Owned by its session, which forgets the least recently
// used one of those that nobody holds when there are more than SessionOptions::bindings_max, or when memory is short. Running a
// forgotten one is refused: hold it, or bind before each run, which costs a comparison of shapes when they are still bound, and
// allocates nothing then.
class Binding;

// One instance of a plan: its arena, its bound shapes, its threads. Not for two threads at once: a second concurrent
// call is refused, not undefined. Several sessions share one Program (and its weights).
class Session {
 public:
  // `program` stays alive as long as the session. Opens in microseconds to milliseconds: binds nothing yet.
  static Result<std::unique_ptr<Session>> open(std::shared_ptr<const plan::Program> program, const SessionOptions& options = {});
  ~Session();

  const plan::Program& program() const;
  int threads() const;
  // What an untuned or foreign section costs: empty, or a sentence ("tuned for avx512, this host has avx2: ...").
  const std::string& notice() const;

  // Resolves sizes and addresses for these input shapes (one per input of the main graph), off the hot path: allocates,
  // prefaults, chooses tactics. Cached. Shapes outside the profile's range are refused with the range.
  Result<const Binding*> bind(std::span<const Shape> input_shapes);

  // While held, a bound shape is not forgotten: bind() refuses another one when memory is short and all are held. Each hold
  // wants its release. Hold on the thread that bound it; release on any, at any time, while the session lives.
  void hold(const Binding& binding);
  void release(const Binding& binding);

  // Types of the outputs of a bound shape; extents that depend on data are unknown: run() tells them.
  std::span<const TensorType> output_types(const Binding& binding) const;

  // Whether every run of a bound shape makes this output in the same size, that of output_types(). Only such an output may have
  // a buffer of the caller's. Where it is false, output_types() holds no more than what the model declares.
  bool has_fixed_size(const Binding& binding, size_t output) const;

  // Computes. `inputs` in the order of the main graph's inputs, with exactly the bound types; `outputs` receives one view
  // per output. `output_buffers` is empty, or one pointer per output: null, or caller-owned memory of the output's bytes.
  // After the first run of a bound shape whose sizes do not depend on data: no allocation, no page fault, no syscall but
  // one wake-up when threads > 1 (and two or three to take a chunk back from a preempted helper, and a wake-up more after each
  // time that it was stopped at RunControl::yield). No more threads are woken
  // than the CPU quota of the process's control groups keeps running now, as of the last second. If, Loop, Scan and nodes whose
  // output sizes depend on data are bound while they run, and may allocate; so may errors, but for kCancelled and kDeadline.
  // Input and output memory must not overlap.
  Result<void> run(const Binding& binding, std::span<const InputView> inputs, std::span<void* const> output_buffers,
                   std::span<OutputView> outputs, const RunControl& control = {});

  // How runs of a bound shape compare with what the plan promises for it: the p50, p99 and p99.9 that were measured when it was
  // compiled, for these shapes and this number of threads. All zero where the plan promises nothing, or less than 20 us.
  const LatencyReport& latency(const Binding& binding) const;

  // Chunks of steps that were taken back from preempted helpers so far.
  uint64_t chunks_taken_back() const;

  // For the curious (explain, compare, bench): one bound step of the main graph.
  struct StepInfo {
    std::string node;  // ProgramNode::name
    std::string op, tactic;
    double flops = 0, bytes = 0;  // of one run: operations, and bytes that must move (inputs + weights + outputs)
  };
  std::vector<StepInfo> steps(const Binding& binding) const;
  size_t arena_bytes(const Binding& binding) const;

  // Called after each step of the next runs with its node and outputs, on the calling thread; null switches it off.
  // Costs: intermediate values are then copied out; only for compare and explain.
  using Observer = void (*)(void* user, const plan::ProgramNode& node, std::span<const OutputView> outputs, double microseconds);
  void observe(Observer observer, void* user);

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tercel::engine
