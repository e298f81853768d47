#include <atomic>
#include <cstdio>
#include <cstring>

#include "tercel/operator.h"

// Operators that do what users' operators do wrong, and some that do unusual things rightly. All of domain "test".
namespace {

std::atomic<int> live_states{0};

tercel_status refuse(tercel_error* error, tercel_status status, const char* sentence) {
  std::snprintf(error->message, sizeof error->message, "%s", sentence);
  return status;
}

tercel_status like_the_first_input(const tercel_operator_node* node, tercel_error*) {
  const tercel_tensor& x = *node->inputs[0];
  for (size_t o = 0; o < node->output_count; ++o) {
    tercel_tensor& y = *node->outputs[o];
    y.dtype = x.dtype;
    y.rank = x.rank;
    std::memcpy(y.dims, x.dims, sizeof y.dims);
  }
  return TERCEL_OK;
}

// test.Positive: copies one float; fails with a sentence below 0, and without one above 100.
tercel_status run_positive(void*, const tercel_operator_run* run, tercel_error* error) {
  const float x = *static_cast<const float*>(run->inputs[0]);
  if (x < 0) return refuse(error, TERCEL_INVALID, "x is negative");
  if (x > 100) return 42;
  *static_cast<float*>(run->outputs[0]) = x;
  return TERCEL_OK;
}

// test.Unprepared: prepare refuses; nothing is left to release.
tercel_status refuse_to_prepare(const tercel_operator_node*, tercel_prepared*, tercel_error* error) {
  return refuse(error, TERCEL_EXHAUSTED, "there is no licence left");
}
tercel_status run_nothing(void*, const tercel_operator_run*, tercel_error*) { return TERCEL_OK; }

// test.Wrong: infer answers what the attribute `how` asks for.
tercel_status infer_wrongly(const tercel_operator_node* node, tercel_error* error) {
  const char* how = "";
  node->ask->attribute_string(node->node, "how", &how);
  like_the_first_input(node, error);
  tercel_tensor& y = *node->outputs[0];
  if (!std::strcmp(how, "dtype")) y.dtype = 99;
  if (!std::strcmp(how, "rank")) y.rank = 9;
  if (!std::strcmp(how, "symbol")) y.dims[0] = -77;
  if (!std::strcmp(how, "huge")) y.dims[0] = INT64_MAX;
  if (!std::strcmp(how, "silent")) y.dtype = -1;
  if (!std::strcmp(how, "refuse")) return refuse(error, TERCEL_UNSUPPORTED, "not on a Sunday");
  return TERCEL_OK;
}

// test.Take: the first n elements of x, where n is what the second input holds.
tercel_status infer_take(const tercel_operator_node* node, tercel_error* error) {
  const tercel_tensor &x = *node->inputs[0], &n = *node->inputs[1];
  if (x.rank != 1 || n.rank != 0 || n.dtype != TERCEL_INT64) return refuse(error, TERCEL_INVALID, "x [m] and an int64 scalar");
  tercel_tensor& y = *node->outputs[0];
  y.dtype = x.dtype;
  y.rank = 1;
  y.dims[0] = TERCEL_DIM_UNKNOWN;
  if (!n.data) return TERCEL_OK;
  y.dims[0] = *static_cast<const int64_t*>(n.data);
  if (y.dims[0] >= 0 && y.dims[0] <= x.dims[0]) return TERCEL_OK;
  return refuse(error, TERCEL_INVALID, "n is out of range");
}
struct Take {
  size_t bytes;
};
tercel_status prepare_take(const tercel_operator_node* node, tercel_prepared* prepared, tercel_error*) {
  prepared->state = new Take{node->outputs[0]->bytes};
  ++live_states;
  return TERCEL_OK;
}
void release_take(void* state) {
  delete static_cast<Take*>(state);
  --live_states;
}
tercel_status run_take(void* state, const tercel_operator_run* run, tercel_error*) {
  std::memcpy(run->outputs[0], run->inputs[0], static_cast<const Take*>(state)->bytes);
  return TERCEL_OK;
}

// test.Probe: an optional second input, two outputs of which one may be unwanted; both hold what it finds.
struct Found {
  float values[8];
};
tercel_status prepare_probe(const tercel_operator_node* node, tercel_prepared* prepared, tercel_error*) {
  const tercel_node_queries& ask = *node->ask;
  Found* found = new Found{};
  ++live_states;
  int64_t integer = 0;
  float real = 0;
  const char* text = nullptr;
  const int64_t* ints = nullptr;
  const float* floats = nullptr;
  size_t int_count = 0, float_count = 0;
  tercel_tensor tensor = TERCEL_INIT(tercel_tensor);
  if (ask.attribute_int(node->node, "integer", &integer) == TERCEL_OK) found->values[0] = static_cast<float>(integer);
  if (ask.attribute_float(node->node, "real", &real) == TERCEL_OK) found->values[1] = real;
  if (ask.attribute_string(node->node, "text", &text) == TERCEL_OK) found->values[2] = static_cast<float>(std::strlen(text));
  if (ask.attribute_ints(node->node, "ints", &ints, &int_count) == TERCEL_OK)
    found->values[3] = static_cast<float>(ints[int_count - 1]);
  if (ask.attribute_floats(node->node, "floats", &floats, &float_count) == TERCEL_OK) found->values[4] = floats[float_count - 1];
  if (ask.attribute_tensor(node->node, "tensor", &tensor) == TERCEL_OK)
    found->values[5] = static_cast<const float*>(tensor.data)[tensor.dims[0] - 1];
  found->values[6] = static_cast<float>(ask.attribute_int(node->node, "real", &integer) == TERCEL_INVALID &&
                                        ask.attribute_int(node->node, "none", &integer) == TERCEL_NOT_FOUND);
  found->values[7] = static_cast<float>(10 * (node->inputs[1] != nullptr) + (node->outputs[1] != nullptr));
  prepared->state = found;
  prepared->scratch_bytes = 1000;
  return TERCEL_OK;
}
void release_probe(void* state) {
  delete static_cast<Found*>(state);
  --live_states;
}
tercel_status run_probe(void* state, const tercel_operator_run* run, tercel_error*) {
  std::memset(run->scratch, 1, 1000);
  for (void* output : {run->outputs[0], run->outputs[1]})
    if (output) std::memcpy(output, state, sizeof(Found));
  return TERCEL_OK;
}

constexpr size_t kSize = sizeof(tercel_operator);
const tercel_operator kPositive = {kSize,   "test",       "Positive", "", 1, 1, 1, 1, like_the_first_input,
                                   nullptr, run_positive, nullptr};
const tercel_operator kUnprepared = {kSize,       "test", "Unprepared", "", 1, 1, 1, 1, like_the_first_input, refuse_to_prepare,
                                     run_nothing, nullptr};
const tercel_operator kWrong = {kSize, "test", "Wrong", "how", 1, 1, 1, 1, infer_wrongly, nullptr, run_nothing, nullptr};
const tercel_operator kTake = {kSize, "test", "Take", "", 2, 2, 1, 1, infer_take, prepare_take, run_take, release_take};
const tercel_operator kProbe = {kSize,         "test",    "Probe",      nullptr, 1, 2, 1, 2, like_the_first_input,
                                prepare_probe, run_probe, release_probe};
const tercel_operator* const kAll[] = {&kPositive, &kUnprepared, &kWrong, &kTake, &kProbe};

}  // namespace

const tercel_operator* const* tercel_operators(uint32_t abi, size_t* count) {
  *count = abi == TERCEL_OPERATOR_ABI ? sizeof kAll / sizeof *kAll : 0;
  return kAll;
}

// For the tests: states that were prepared and not released.
extern "C" TERCEL_API int test_live_states() { return live_states; }
