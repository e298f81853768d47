// Tree ensembles over packed nodes. Trees are added in runs of kTreesOfRun whose sums are added in their order, whether one
// thread does them or several, for one row or many: so the bits are always the same.
#include <algorithm>
#include <cmath>

#include "kernels/simd/accepts.h"
#include "kernels/simd/forest.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/rows.h"
#include "ops/forest.h"

namespace tercel::kernels::simd {

namespace {

constexpr int64_t kTreesOfRun = 64;
constexpr int64_t kRowsOfBlock = 64, kBlockBytes = 1 << 18;
constexpr double kNsPerStep = 0.7;

struct ForestPlan {
  PackedForest forest;
  bool has_base;
  double divisor;
  int64_t rows, block, runs;
  double ns_of_row;
  size_t sums_bytes, row_bytes;  // of a block: sums of one run, copied rows

  int64_t sums_of_block() const { return block * forest.shape.targets; }
};

void copy_rows(const ForestPlan& p, const float* x, int64_t rows, float* out) {
  for (int64_t i = 0; i < rows; ++i)
    copy_row(p.forest.shape, x + i * p.forest.shape.features, out + i * p.forest.shape.columns());
}

void add_run(const ForestPlan& p, int64_t run, const float* rows, int64_t count, double* sums) {
  std::fill_n(sums, count * p.forest.shape.targets, 0.0);
  add_trees(p.forest, run * kTreesOfRun, std::min((run + 1) * kTreesOfRun, p.forest.shape.trees), rows, count, sums);
}

void finish(const ForestPlan& p, const double* totals, int64_t rows, const float* base, float* out) {
  const int64_t targets = p.forest.shape.targets;
  for (int64_t i = 0; i < rows * targets; ++i)
    out[i] = static_cast<float>(totals[i] / p.divisor + (base ? static_cast<double>(base[i % targets]) : 0));
}

// One block: every run after the other.
void predict_block(const ForestPlan& p, const float* x, int64_t rows, const float* base, float* out, std::byte* scratch) {
  auto* const totals = reinterpret_cast<double*>(scratch);
  auto* const sums = reinterpret_cast<double*>(scratch + p.sums_bytes);
  auto* const copies = reinterpret_cast<float*>(scratch + 2 * p.sums_bytes);
  copy_rows(p, x, rows, copies);
  std::fill_n(totals, rows * p.forest.shape.targets, 0.0);
  for (int64_t run = 0; run < p.runs; ++run) {
    add_run(p, run, copies, rows, sums);
    for (int64_t i = 0; i < rows * p.forest.shape.targets; ++i) totals[i] += sums[i];
  }
  finish(p, totals, rows, base, out);
}

// Few rows, many trees: a chunk a run.
void predict_by_runs(const ForestPlan& p, const Buffers& buffers, const float* base) {
  auto* const totals = reinterpret_cast<double*>(buffers.scratch);
  auto* const copies = reinterpret_cast<float*>(buffers.scratch + p.sums_bytes);
  std::byte* const sums = buffers.scratch + p.sums_bytes + p.row_bytes;
  copy_rows(p, buffers.in<float>(0), p.rows, copies);
  const auto sums_of = [&](int64_t run) { return reinterpret_cast<double*>(sums + static_cast<size_t>(run) * p.sums_bytes); };
  buffers.workers->run(static_cast<int>(p.runs), [&](int run, int) { add_run(p, run, copies, p.rows, sums_of(run)); });
  std::fill_n(totals, p.rows * p.forest.shape.targets, 0.0);
  for (int64_t run = 0; run < p.runs; ++run)
    for (int64_t i = 0; i < p.rows * p.forest.shape.targets; ++i) totals[i] += sums_of(run)[i];
  finish(p, totals, p.rows, base, buffers.out<float>());
}

void predict(const ForestPlan& p, const Buffers& buffers, bool by_runs) {
  const float* const base = p.has_base ? buffers.in<float>(7) : nullptr;
  if (by_runs && buffers.workers->count() > 1) return predict_by_runs(p, buffers, base);
  const Cut cut{(p.rows + p.block - 1) / p.block, 1, static_cast<int>((p.rows + p.block - 1) / p.block)};
  const bool alone = p.ns_of_row * static_cast<double>(p.rows) < kWorthCuttingNs;
  const size_t scratch_of_worker = 2 * p.sums_bytes + p.row_bytes;
  const auto body = [&](int64_t begin, int64_t end, int worker) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t row = block * p.block;
      predict_block(p, buffers.in<float>(0) + row * p.forest.shape.features, std::min(p.block, p.rows - row), base,
                    buffers.out<float>() + row * p.forest.shape.targets,
                    buffers.scratch + static_cast<size_t>(worker) * scratch_of_worker);
    }
  };
  if (alone) body(0, cut.items, 0);
  else run_anyhow(*buffers.workers, cut, body);
}

Refusal accepts_forest(const StepContext& context) {
  if (context.in(0).dtype != DType::kFloat32) return "wants float32";
  for (size_t i : {1, 2, 3, 4, 5, 6})
    if (!context.constant(i)) return "wants constant tables";
  const auto aggregate = ops::aggregate_of(context.attributes);
  if (!aggregate) return aggregate.error().message();
  if (*aggregate == ops::Aggregate::kMin || *aggregate == ops::Aggregate::kMax) return "wants sums or averages";
  const auto shape = forest_shape(context);
  return shape ? Refusal() : shape.error().message();
}

Result<Kernel> bind_forest(const StepContext& context) {
  const ForestShape shape = TRY(forest_shape(context));
  ForestPlan p{};
  p.forest = TRY(PackedForest::open(shape, context.packed));
  p.has_base = context.has(7);
  const bool average = TRY(ops::aggregate_of(context.attributes)) == ops::Aggregate::kAverage;
  p.divisor = average ? static_cast<double>(std::max<int64_t>(1, shape.trees)) : 1;
  p.rows = context.in(0).shape.size(0);
  if (p.rows == 0) return nothing_to_do();
  const int64_t row_bytes =
      shape.columns() * static_cast<int64_t>(sizeof(float)) + shape.targets * static_cast<int64_t>(sizeof(double));
  p.block = std::min(p.rows, std::clamp<int64_t>(kBlockBytes / row_bytes, 8, kRowsOfBlock));
  p.runs = (shape.trees + kTreesOfRun - 1) / kTreesOfRun;
  const double nodes_of_tree = static_cast<double>(shape.nodes) / static_cast<double>(std::max<int64_t>(1, shape.trees));
  p.ns_of_row = static_cast<double>(shape.trees) * std::log2(nodes_of_tree + 1) * kNsPerStep;
  p.sums_bytes = align_up(static_cast<size_t>(p.sums_of_block()) * sizeof(double), kTensorAlignment);
  p.row_bytes = align_up(static_cast<size_t>(p.block * shape.columns()) * sizeof(float), kTensorAlignment);
  const bool by_runs = p.rows <= p.block && p.runs > 1 && context.threads > 1 && p.runs <= kPiecesMax &&
                       p.ns_of_row * static_cast<double>(p.rows) >= kWorthCuttingNs;
  const size_t workers = static_cast<size_t>(std::max(1, context.threads));
  const size_t by_blocks = workers * (2 * p.sums_bytes + p.row_bytes);
  const size_t scratch = by_runs ? std::max(by_blocks, p.sums_bytes * static_cast<size_t>(p.runs + 1) + p.row_bytes) : by_blocks;
  return Kernel([=](const Buffers& buffers) { predict(p, buffers, by_runs); }, scratch);
}

constexpr Packing kPacking{"forest/two-levels-a-line", inputs_at({1, 2, 3, 4, 5, 6}), forest_packed_bytes, forest_pack};

constexpr KernelRow kRows[] = {
    {"tercel.TreeEnsemble", "tree-ensemble/packed", platform::kPortable, accepts_forest, bind_forest, &kPacking}};

}  // namespace

std::span<const KernelRow> forest_rows() { return kRows; }

}  // namespace tercel::kernels::simd
