#include "custom/spin.h"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "ops/custom.h"
#include "platform/clock.h"

namespace tercel::custom {

namespace {

constexpr float kLongestUs = 60e6f;
// Between two looks at the CPU clock, which is a system call.
constexpr int64_t kLookNs = 2000;

struct Spin {
  int64_t cpu_ns;
  size_t bytes;
};

tercel_status refuse(tercel_error* error, const char* sentence) {
  std::snprintf(error->message, sizeof error->message, "%s", sentence);
  return TERCEL_INVALID;
}

int64_t thread_cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

tercel_status infer(const tercel_operator_node* node, tercel_error*) {
  const tercel_tensor& x = *node->inputs[0];
  tercel_tensor& y = *node->outputs[0];
  y.dtype = x.dtype;
  y.rank = x.rank;
  std::memcpy(y.dims, x.dims, sizeof y.dims);
  return TERCEL_OK;
}

tercel_status prepare(const tercel_operator_node* node, tercel_prepared* prepared, tercel_error* error) {
  float us = 0, factor = 0;
  if (node->ask->attribute_float(node->node, "us", &us) != TERCEL_OK)
    return refuse(error, "the attribute us, a float, is missing");
  if (node->ask->attribute_float(node->node, "batch_factor", &factor) == TERCEL_INVALID)
    return refuse(error, "the attribute batch_factor must be a float");
  if (!(us >= 0 && us <= kLongestUs)) return refuse(error, "us must be 0 to 60,000,000");
  if (!(factor >= 0 && factor <= 1)) return refuse(error, "batch_factor must be 0 to 1");
  const tercel_tensor& x = *node->inputs[0];
  const double n = x.rank > 0 ? static_cast<double>(x.dims[0]) : 1;
  const double cost_us = n == 0 ? 0 : us * (1 + factor * (n - 1));
  if (cost_us > kLongestUs) return refuse(error, "a batch of this size would take more than a minute");
  prepared->state = new Spin{static_cast<int64_t>(cost_us * 1e3), x.bytes};
  return TERCEL_OK;
}

tercel_status run(void* state, const tercel_operator_run* run, tercel_error*) {
  const Spin& spin = *static_cast<const Spin*>(state);
  const int64_t end = thread_cpu_ns() + spin.cpu_ns;
  if (spin.bytes) std::memcpy(run->outputs[0], run->inputs[0], spin.bytes);
  for (int64_t left = end - thread_cpu_ns(); left > 0; left = end - thread_cpu_ns()) {
    const int64_t look = platform::now_ns() + std::min(left, kLookNs);
    while (platform::now_ns() < look) continue;
  }
  return TERCEL_OK;
}

void release(void* state) { delete static_cast<Spin*>(state); }

constexpr tercel_operator kSpin = {
    .struct_size = sizeof kSpin,
    .domain = "tercel.test",
    .name = "Spin",
    .attributes = "us batch_factor",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs_min = 1,
    .outputs_max = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .release = release,
};

}  // namespace

Result<void> add_test_operators() {
  static constexpr const tercel_operator* kAll[] = {&kSpin};
  return ops::add_custom_operators(kAll, ops::OperatorsOf::kTercel);
}

}  // namespace tercel::custom
