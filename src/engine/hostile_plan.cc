#include "engine/hostile_plan.h"

#include <signal.h>
#include <sys/time.h>

#include <cstdlib>
#include <cstring>

#include "engine/profile.h"
#include "engine/session.h"
#include "plan/plan.h"

namespace tercel::engine {

namespace {

constexpr size_t kMemoryBytes = size_t{4} << 20;
constexpr int kMicroseconds = 300'000;

std::atomic<bool> out_of_time{false};

void start_clock() {
  out_of_time = false;
  signal(SIGALRM, [](int) { out_of_time = true; });
  const itimerval timer{{0, 0}, {0, kMicroseconds}};
  setitimer(ITIMER_REAL, &timer, nullptr);
}

bool run_zeros(const std::shared_ptr<const plan::Program>& program) {
  auto session = Session::open(program, {.threads = 1, .memory_bytes_max = kMemoryBytes});
  if (!session.ok()) return false;
  std::vector<Shape> shapes;
  for (const plan::InputRange& range : ranges_of(*program)) shapes.push_back(Shape(std::span(range.low)));
  const auto binding = (*session)->bind(shapes);
  if (!binding.ok()) return false;
  std::vector<Tensor> inputs;
  std::vector<InputView> views;
  const auto ranges = ranges_of(*program);
  for (size_t i = 0; i < shapes.size(); ++i) {
    auto input = Tensor::zeros(ranges[i].dtype, shapes[i]);
    if (!input.ok() || input->bytes() > kMemoryBytes) return false;
    inputs.push_back(input.take());
    views.push_back({inputs.back().type(), inputs.back().data()});
  }
  std::vector<OutputView> outputs((*session)->output_types(**binding).size());
  return (*session)->run(**binding, views, {}, outputs, {.cancel = &out_of_time}).ok();
}

}  // namespace

bool run_anything(std::span<const std::byte> bytes) {
  std::shared_ptr<void> owner(std::aligned_alloc(kTensorAlignment, align_up(bytes.size() + 1, kTensorAlignment)), std::free);
  if (!bytes.empty()) std::memcpy(owner.get(), bytes.data(), bytes.size());
  const auto program = plan::parse({static_cast<const std::byte*>(owner.get()), bytes.size()}, owner, plan::Checksums::kSkip);
  if (!program.ok()) return false;
  start_clock();
  return run_zeros(*program);
}

}  // namespace tercel::engine
