#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tensor/dtype.h"

namespace tercel::peers {

// An input or output of the model at the shape that is measured, and the one buffer that every engine reads or writes:
// owned by the driver, bound once, aligned to 64 bytes.
struct Port {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  std::string values;  // inputs: "normal", "mask", or "ids"
  int64_t rows = 0;    // of "ids": values are below it
  size_t elements = 1;
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> data;

  size_t bytes() const { return elements * dtype_size(dtype); }
};

// NAME=TYPE:SHAPE[:VALUES], such as x=float32:1x30:normal, id=int64:1x8:ids20000, y=float32:1x1000 or z=float32: (a scalar).
// Refuses other forms, types but float32 and int64, and more than 1 GiB, naming the text.
Result<Port> parse_port(const std::string& text);

}  // namespace tercel::peers
