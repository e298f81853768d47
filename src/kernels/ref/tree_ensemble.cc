#include <algorithm>
#include <cmath>

#include "kernels/ref/classic_binds.h"
#include "ops/forest.h"

namespace tercel::kernels {

namespace {

using ops::Aggregate;

double combined(Aggregate aggregate, bool seen, double so_far, double weight) {
  if (aggregate == Aggregate::kSum || aggregate == Aggregate::kAverage) return so_far + weight;
  if (!seen) return weight;
  return aggregate == Aggregate::kMin ? std::min(so_far, weight) : std::max(so_far, weight);
}

template <typename T>
void predict(const ops::Forest<T>& forest, const T* row, double* sums, bool* seen, T* out) {
  const auto targets = static_cast<size_t>(forest.targets);
  std::fill_n(sums, targets, 0.0);
  std::fill_n(seen, targets, false);
  for (const int32_t root : forest.roots) {
    const auto leaf = static_cast<size_t>(forest.leaf_of(row, root));
    for (auto e = static_cast<size_t>(forest.leaf_starts[leaf]); e < static_cast<size_t>(forest.leaf_starts[leaf + 1]); ++e) {
      const auto target = static_cast<size_t>(forest.leaf_targets[e]);
      sums[target] = combined(forest.aggregate, seen[target], sums[target], static_cast<double>(forest.leaf_weights[e]));
      seen[target] = true;
    }
  }
  const double divisor =
      forest.aggregate == Aggregate::kAverage ? std::max<double>(1, static_cast<double>(forest.roots.size())) : 1;
  for (size_t k = 0; k < targets; ++k)
    out[k] = static_cast<T>(sums[k] / divisor + (forest.base.empty() ? 0 : static_cast<double>(forest.base[k])));
}

template <typename T>
Result<Kernel> bind_typed(const StepContext& c) {
  const Tensor* tables[7] = {};
  for (size_t i = 0; i < 7; ++i) tables[i] = c.constant(i + 1);
  if (c.has(7) && !tables[6]) return unsupported("the tables of a tree ensemble must be constant");
  const int64_t rows = c.in(0).shape.size(0), features = c.in(0).shape.size(1);
  ops::Forest<T> forest = TRY(ops::forest_of<T>(c.attributes, tables, features));
  const size_t sums_bytes = static_cast<size_t>(forest.targets) * sizeof(double);
  const size_t scratch_bytes = sums_bytes + static_cast<size_t>(forest.targets);
  return Kernel(
      [=, forest = std::move(forest)](const Buffers& buffers) {
        auto* const sums = reinterpret_cast<double*>(buffers.scratch);
        auto* const seen = reinterpret_cast<bool*>(buffers.scratch + sums_bytes);
        for (int64_t i = 0; i < rows; ++i)
          predict(forest, buffers.in<T>(0) + i * features, sums, seen, buffers.out<T>() + i * forest.targets);
      },
      scratch_bytes);
}

}  // namespace

Result<Kernel> bind_tree_ensemble(const StepContext& c) {
  return c.in(0).dtype == DType::kFloat64 ? bind_typed<double>(c) : bind_typed<float>(c);
}

}  // namespace tercel::kernels
