#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "request/buffer.h"
#include "request/terms.h"
#include "tensor/tensor.h"

namespace tercel::request {

// A tensor that lies in somebody else's memory.
struct TensorView {
  TensorType type;
  const void* data = nullptr;  // row-major, aligned to its element
};

// An output that the client asked for, by position in the model's signature.
struct WantedOutput {
  uint32_t index = 0;
  bool binary = false;  // behind the JSON instead of in it
};

// One inference on its way in. The tensors point into the received body or into `values`. Reused from request to request:
// clear() keeps the memory. Owned by the connection it came from; read by one instance while it computes.
struct InferRequest {
  explicit InferRequest(Budget* memory = nullptr) : budget(memory) {}
  std::string id;                     // echoed; may be empty
  std::vector<TensorView> inputs;     // one per input of the model, in its order
  std::vector<WantedOutput> outputs;  // in the order of the answer
  std::vector<Buffer> values;         // by input: tensors that had to be copied or came as text
  Wish wish;                          // what the body and the head say of time and accuracy
  Budget* budget;                     // of `values`; may be null

  void clear();
  // Room for the values of one input; null when memory or budget is short.
  std::byte* reserve(size_t input, size_t bytes);
};

// The answer: one view per output of the model, in its order, into `memory`. A view that nobody wants has no data.
struct InferReply {
  explicit InferReply(Budget* budget = nullptr) : memory(budget) {}
  std::vector<TensorView> outputs;
  Buffer memory;
};

}  // namespace tercel::request
