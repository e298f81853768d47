#include <cstdlib>
#include <cstring>

#include "plan/codec.h"
#include "plan/plan.h"

namespace tercel {
namespace {

// Any bytes either parse into a program that can be stored again, or are refused. Checksums are skipped so that mutations
// reach the parser. Corpus: fuzz/corpus/plan.
void parse_anything(const uint8_t* data, size_t size) {
  const size_t bytes = align_up(size + 1, kTensorAlignment);
  std::shared_ptr<void> owner(std::aligned_alloc(kTensorAlignment, bytes), std::free);
  std::memcpy(owner.get(), data, size);
  const std::span image(static_cast<const std::byte*>(owner.get()), size);
  const auto program = plan::parse(image, owner, plan::Checksums::kSkip);
  if (!program.ok()) {
    check(!program.error().message().empty(), "a refusal has a reason");
    return;
  }
  check(plan::verify(**program).ok(), "what was parsed is a valid program");
  plan::Blob weights;
  plan::encode_program(**program, weights);
  for (const plan::TunedSection& tuned : (*program)->tuned) {
    plan::Blob packed;
    plan::encode_tuned(tuned, packed);
    plan::encode_tails(tuned);
  }
}

}  // namespace
}  // namespace tercel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tercel::parse_anything(data, size);
  return 0;
}
