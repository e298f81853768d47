#include "request/infer.h"

namespace tercel::request {

void InferRequest::clear() {
  id.clear();
  inputs.clear();
  outputs.clear();
}

}  // namespace tercel::request
