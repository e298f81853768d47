#include "ops/custom.h"

#include <cstring>

#include "kernels/failure.h"
#include "kernels/families.h"

namespace tercel::kernels {

namespace {

// What prepare() left, until the step is forgotten.
class Prepared {
 public:
  explicit Prepared(const tercel_operator& op) : op_(op) {}
  ~Prepared() {
    if (is_ready_ && op_.release) op_.release(left_.state);
  }
  Prepared(const Prepared&) = delete;

  Result<void> prepare(const tercel_operator_node& node) {
    left_.struct_size = sizeof left_;
    tercel_error said = TERCEL_INIT(tercel_error);
    if (op_.prepare) TRY(ops::custom_result(op_, op_.prepare(&node, &left_, &said), said));
    is_ready_ = true;
    return {};
  }

  const tercel_operator& op() const { return op_; }
  void* state() const { return left_.state; }
  size_t scratch_bytes() const { return left_.scratch_bytes; }

 private:
  const tercel_operator& op_;
  tercel_prepared left_ = {};
  bool is_ready_ = false;
};

// The engine's threads behind the C structure.
struct WorkersView {
  tercel_workers view;
  Workers* workers;
};

void parallel(const tercel_workers* view, int32_t chunks, void (*task)(void*, int32_t, int32_t), void* user) {
  if (chunks <= 0) return;
  reinterpret_cast<const WorkersView*>(view)->workers->run(chunks, [=](int chunk, int worker) { task(user, chunk, worker); });
}

void run_custom(const Prepared& prepared, const Buffers& b) {
  const WorkersView workers{{.struct_size = sizeof(tercel_workers), .threads = b.workers->count(), .parallel = parallel},
                            b.workers};
  const tercel_operator_run run{
      .struct_size = sizeof run, .inputs = b.inputs, .outputs = b.outputs, .scratch = b.scratch, .workers = &workers.view};
  tercel_error said;
  said.struct_size = sizeof said;
  said.message[0] = 0;
  const tercel_status status = prepared.op().run(prepared.state(), &run, &said);
  if (status == TERCEL_OK || !b.failure) return;
  const std::string_view text(said.message, strnlen(said.message, sizeof said.message));
  b.failure->set(ops::custom_error_code(status), text.empty() ? "it failed and said nothing" : text);
}

Result<Kernel> bind_custom(const StepContext& c) {
  const auto prepared = std::make_shared<Prepared>(*TRY(ops::custom_operator_of(c.attributes)));
  ops::CustomNode node(c.attributes, c.inputs.size(), c.outputs.size());
  for (size_t i = 0; i < c.inputs.size(); ++i)
    if (c.has(i)) TRY(node.set_input(i, c.in(i), c.constant(i)));
  for (size_t i = 0; i < c.outputs.size(); ++i)
    if (c.outputs[i].present) node.set_output(i, c.out(i));
  TRY(prepared->prepare(node.view(c.threads)));
  const auto run = [prepared](const Buffers& b) { run_custom(*prepared, b); };
  return Kernel(run, prepared->scratch_bytes());
}

constexpr KernelRow kRows[] = {{ops::kCustom, "tercel.custom/library", platform::kPortable, nullptr, bind_custom}};

}  // namespace

std::span<const KernelRow> ref_custom_rows() { return kRows; }

}  // namespace tercel::kernels
