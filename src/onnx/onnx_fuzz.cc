#include <cstring>
#include <vector>

#include "onnx/import.h"
#include "onnx/unsupported.h"

// Any bytes are a model that verifies, or are refused with a reason; a survey of them never fails for another reason than
// an import. Nothing is opened beside them. Corpus: fuzz/corpus/onnx.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto owner = std::make_shared<const std::vector<uint8_t>>(data, data + size);
  const auto image = std::as_bytes(std::span(*owner));
  const auto model = tercel::onnx::import_bytes(image, owner);
  const auto report = tercel::onnx::survey_bytes(image, owner);
  if (model) {
    tercel::check(tercel::graph::verify(*model).ok(), "what was imported is a sound graph");
    tercel::check(report && report->unsupported.empty(), "what was imported has no obstacle");
    tercel::graph::Model pruned = *model;
    tercel::graph::remove_unused(pruned);
    tercel::check(tercel::graph::verify(pruned).ok() && tercel::graph::infer_shapes(pruned).ok(),
                  "and stays so without unused nodes");
  } else {
    tercel::check(!model.error().message().empty() && model.error().code() != tercel::ErrorCode::kInternal,
                  "a refusal has a reason");
    tercel::check(!report || !report->unsupported.empty(), "what was refused has an obstacle");
  }
  return 0;
}
