#include <cstring>
#include <vector>

#include "onnx/import.h"
#include "onnx/unsupported.h"

// Any bytes are a model that verifies, or are refused with a reason; a survey of them never fails for another reason than
// an import. Nothing is opened beside them. Corpus: fuzz/corpus/onnx.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tercel;
  const auto owner = std::make_shared<const std::vector<uint8_t>>(data, data + size);
  const auto image = std::as_bytes(std::span(*owner));
  const auto model = onnx::import_bytes(image, owner);
  const auto report = onnx::survey_bytes(image, owner);
  if (model) {
    check(graph::verify(*model).ok(), "what was imported is a sound graph");
    check(report && report->unsupported.empty(), "what was imported has no obstacle");
    graph::Model pruned = *model;
    graph::remove_unused(pruned);
    check(graph::verify(pruned).ok() && graph::infer_shapes(pruned).ok(), "and stays so without unused nodes");
  } else {
    check(!model.error().message().empty() && model.error().code() != ErrorCode::kInternal, "a refusal has a reason");
    check(!report || !report->unsupported.empty(), "what was refused has an obstacle");
  }
  return 0;
}
