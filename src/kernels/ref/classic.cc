// Rows of what ai.onnx.ml becomes, and the lookup of label encoders.
#include <algorithm>
#include <cstring>

#include "kernels/families.h"
#include "kernels/ref/classic_binds.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

// NaN is after every number: then it is found like one.
template <typename W>
bool before(W a, W b) {
  if (is_nan(a)) return false;
  return is_nan(b) || a < b;
}

Result<Kernel> bind_lookup(const StepContext& c) {
  const int64_t count = c.in(0).shape.elements(), keys = c.in(1).shape.elements();
  const size_t value_bytes = dtype_size(c.in(2).dtype);
  return visit_wide(c.in(0).dtype, [&]<typename W>() -> Result<Kernel> {
    return Kernel([=, type = c.in(0).dtype](const Buffers& buffers) {
      for (int64_t i = 0; i < count; ++i) {
        const W x = load_one<W>(type, buffers.inputs[0], i);
        int64_t low = 0, high = keys;  // keys before `low` are less than x, those from `high` on are not
        while (low < high) {
          const int64_t middle = low + (high - low) / 2;
          if (before(load_one<W>(type, buffers.inputs[1], middle), x)) low = middle + 1;
          else high = middle;
        }
        const bool found = low < keys && !before(x, load_one<W>(type, buffers.inputs[1], low));
        const char* const value = found ? buffers.in<char>(2) + static_cast<size_t>(low) * value_bytes : buffers.in<char>(3);
        std::memcpy(buffers.out<char>() + static_cast<size_t>(i) * value_bytes, value, value_bytes);
      }
    });
  });
}

constexpr KernelRow row(std::string_view op, std::string_view name, Result<Kernel> (*bind)(const StepContext&)) {
  return {op, name, platform::kPortable, nullptr, bind};
}

constexpr KernelRow kRows[] = {
    row("tercel.ClassScores", "class-scores/ref", bind_class_scores),
    row("tercel.Lookup", "lookup/ref", bind_lookup),
    row("tercel.PairwiseScores", "pairwise-scores/ref", bind_pairwise_scores),
    row("tercel.PostTransform", "post-transform/ref", bind_post_transform),
    row("tercel.TreeEnsemble", "tree-ensemble/ref", bind_tree_ensemble),
};

}  // namespace

std::span<const KernelRow> ref_classic_rows() { return kRows; }

}  // namespace tercel::kernels
