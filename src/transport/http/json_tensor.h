#pragma once

#include <simdjson.h>

#include <cstddef>

#include "base/result.h"
#include "tensor/dtype.h"

namespace tercel::transport::http {

// Reads a flat or nested JSON array of numbers (or booleans) into `elements` values at `target`, in the order they are
// written; nesting need not agree with the shape, the count must. FP16 and BF16 have no JSON form and are refused.
Result<void> read_json_tensor(simdjson::ondemand::value& data, DType dtype, int64_t elements, void* target);

// "...: it is not valid JSON (what simdjson says)", for any error of simdjson.
Error json_error(simdjson::error_code code, std::string_view what);

}  // namespace tercel::transport::http
