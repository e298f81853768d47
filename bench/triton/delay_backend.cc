// A backend of Triton whose models cost a given CPU time: what tercel.test.Spin is to Tercel, and the same Slice. The server
// loads it as backends/delay/libtriton_delay.so.
#include <cstring>
#include <string>
#include <vector>

#include "delay.h"
#include "platform/clock.h"
#include "triton_api.h"

namespace {

using tercel::bench::Delay;

using TritonError = TRITONSERVER_Error*;

TritonError error(const std::string& sentence) {
  return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, ("delay backend: " + sentence).c_str());
}

void drop(TritonError failure) {
  if (failure) TRITONSERVER_ErrorDelete(failure);
}

uint64_t now() { return static_cast<uint64_t>(tercel::platform::now_ns()); }

// One request of a batch.
struct Part {
  TRITONBACKEND_Request* request = nullptr;
  TRITONBACKEND_Response* response = nullptr;
  TRITONBACKEND_Input* input = nullptr;
  const int64_t* shape = nullptr;
  uint32_t rank = 0, buffers = 0;
  uint64_t bytes = 0;
  TritonError failure = nullptr;

  int64_t rows() const { return rank > 0 ? shape[0] : 1; }
};

TritonError open(Part& part) {
  if (auto* failure = TRITONBACKEND_ResponseNew(&part.response, part.request)) return failure;
  if (auto* failure = TRITONBACKEND_RequestInputByIndex(part.request, 0, &part.input)) return failure;
  TRITONSERVER_DataType type{};
  if (auto* failure =
          TRITONBACKEND_InputProperties(part.input, nullptr, &type, &part.shape, &part.rank, &part.bytes, &part.buffers))
    return failure;
  return type == TRITONSERVER_TYPE_FP32 ? nullptr : error("the input must be FP32");
}

// The input as kernels want it, in one piece: in place when the server has it so, else gathered into `scratch`.
TritonError contiguous(const Part& part, std::vector<char>& scratch, const char*& data) {
  if (part.buffers > 1) scratch.resize(part.bytes);
  uint64_t filled = 0;
  for (uint32_t i = 0; i < part.buffers; ++i) {
    const void* piece = nullptr;
    uint64_t bytes = 0;
    auto memory = TRITONSERVER_MEMORY_CPU;
    int64_t memory_id = 0;
    if (auto* failure = TRITONBACKEND_InputBuffer(part.input, i, &piece, &bytes, &memory, &memory_id)) return failure;
    if (memory == TRITONSERVER_MEMORY_GPU) return error("an input lies on a GPU");
    if (filled + bytes > part.bytes) return error("an input is longer than it says");
    if (part.buffers > 1) std::memcpy(scratch.data() + filled, piece, bytes);
    else data = static_cast<const char*>(piece);
    filled += bytes;
  }
  if (part.buffers > 1) data = scratch.data();
  return filled == part.bytes ? nullptr : error("an input is shorter than it says");
}

TritonError answer(const Part& part, const Delay& delay, const char* data) {
  std::vector<int64_t> shape(part.shape, part.shape + part.rank);
  const uint64_t rows = static_cast<uint64_t>(part.rows()), row = rows == 0 ? 0 : part.bytes / rows;
  const uint64_t wanted = delay.floats_out == 0 ? row : delay.floats_out * sizeof(float);
  if (wanted > row || (delay.floats_out > 0 && part.rank != 2)) return error("floats_out needs rows of at least so many floats");
  if (delay.floats_out > 0) shape[1] = static_cast<int64_t>(delay.floats_out);
  TRITONBACKEND_Output* output = nullptr;
  void* buffer = nullptr;
  auto memory = TRITONSERVER_MEMORY_CPU;
  int64_t memory_id = 0;
  if (auto* failure = TRITONBACKEND_ResponseOutput(part.response, &output, "y", TRITONSERVER_TYPE_FP32, shape.data(), part.rank))
    return failure;
  if (auto* failure = TRITONBACKEND_OutputBuffer(output, &buffer, rows * wanted, &memory, &memory_id)) return failure;
  if (memory == TRITONSERVER_MEMORY_GPU) return error("an output lies on a GPU");
  for (uint64_t i = 0; i < rows; ++i) std::memcpy(static_cast<char*>(buffer) + i * wanted, data + i * row, wanted);
  return nullptr;
}

struct Times {
  uint64_t begin = 0, compute_begin = 0, compute_end = 0;
};

void finish(TRITONBACKEND_ModelInstance* instance, const Part& part, const Times& times) {
  if (part.response) drop(TRITONBACKEND_ResponseSend(part.response, kTritonCompleteFinal, part.failure));
  drop(TRITONBACKEND_ModelInstanceReportStatistics(instance, part.request, part.failure == nullptr, times.begin,
                                                   times.compute_begin, times.compute_end, now()));
  drop(TRITONBACKEND_RequestRelease(part.request, kTritonReleaseAll));
  drop(part.failure);
}

}  // namespace

// What the server looks up by name.
#define TRITON_EXPORT extern "C" __attribute__((visibility("default")))

TRITON_EXPORT TritonError TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model* model) {
  TRITONSERVER_Message* config = nullptr;
  if (auto* failure = TRITONBACKEND_ModelConfig(model, kTritonConfigVersion, &config)) return failure;
  const char* json = nullptr;
  size_t bytes = 0;
  auto* failure = TRITONSERVER_MessageSerializeToJson(config, &json, &bytes);
  Delay delay;
  if (!failure)
    if (const std::string wrong = tercel::bench::parse_delay({json, bytes}, delay); !wrong.empty()) failure = error(wrong);
  drop(TRITONSERVER_MessageDelete(config));
  return failure ? failure : TRITONBACKEND_ModelSetState(model, new Delay(delay));
}

TRITON_EXPORT TritonError TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model* model) {
  void* state = nullptr;
  auto* failure = TRITONBACKEND_ModelState(model, &state);
  delete static_cast<Delay*>(state);
  return failure;
}

// Returning nullptr takes all requests, whatever becomes of each.
TRITON_EXPORT TritonError TRITONBACKEND_ModelInstanceExecute(TRITONBACKEND_ModelInstance* instance,
                                                             TRITONBACKEND_Request** requests, const uint32_t count) {
  TRITONBACKEND_Model* model = nullptr;
  void* state = nullptr;
  if (auto* failure = TRITONBACKEND_ModelInstanceModel(instance, &model)) return failure;
  if (auto* failure = TRITONBACKEND_ModelState(model, &state)) return failure;
  const Delay& delay = *static_cast<const Delay*>(state);
  thread_local std::vector<Part> parts;
  thread_local std::vector<char> scratch;
  Times times;
  times.begin = now();
  parts.clear();
  int64_t rows = 0;
  for (uint32_t i = 0; i < count; ++i) {
    Part part;
    part.request = requests[i];
    part.failure = open(part);
    if (!part.failure) rows += part.rows();
    parts.push_back(part);
  }
  times.compute_begin = now();
  tercel::bench::spin(delay.cost_ns(rows));
  times.compute_end = now();
  for (Part& part : parts) {
    const char* data = nullptr;
    if (!part.failure) part.failure = contiguous(part, scratch, data);
    if (!part.failure) part.failure = answer(part, delay, data);
  }
  for (const Part& part : parts) finish(instance, part, times);
  drop(TRITONBACKEND_ModelInstanceReportBatchStatistics(instance, static_cast<uint64_t>(rows), times.begin, times.compute_begin,
                                                        times.compute_end, now()));
  return nullptr;
}
