#include <cstdint>

#include "engine/hostile_plan.h"

// Any plan file either runs or is refused. Corpus: fuzz/corpus/session, whole plans.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tercel::engine::run_anything(std::as_bytes(std::span(data, size)));
  return 0;
}
