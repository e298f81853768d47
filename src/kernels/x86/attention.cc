#include "kernels/x86/attention.h"

#include <array>

#include "kernels/x86/epilogue.h"
#include "kernels/x86/matrix_rows.h"
#include "kernels/x86/packing_weights.h"
#include "kernels/x86/product.h"

namespace tercel::kernels::x86 {

namespace {

constexpr int64_t kScoreFloats = 128 * 1024;  // of a chunk, where there are queries enough to cut
constexpr int64_t kQueriesMin = 32;           // of a chunk: every chunk packs its head's keys and values again
constexpr int64_t kChunksWanted = 4;

struct AttentionPlan {
  int64_t batch, queries, keys, heads, head_width, value_width;
  float scale;
  int64_t query_parts, score_stride;
  std::array<int64_t, 4> mask_strides{};  // over [batch, head, query, key]; 0 where it broadcasts
  bool has_mask = false;
  Product scores, values;
  size_t score_bytes, packed_bytes, product_bytes;
  size_t worker_bytes() const { return score_bytes + packed_bytes + product_bytes; }
  int64_t part_queries() const { return (queries + query_parts - 1) / query_parts; }
};

int64_t last_extent(const Shape& shape) { return shape.size(shape.rank() - 1); }

void set_mask(AttentionPlan& plan, const Shape& mask) {
  plan.has_mask = true;
  int64_t stride = 1;
  for (int i = mask.rank() - 1, axis = 3; i >= 0; --i, --axis) {
    plan.mask_strides[static_cast<size_t>(axis)] = mask.size(i) == 1 ? 0 : stride;
    stride *= mask.size(i);
  }
}

AttentionPlan plan_of(const StepContext& context, const TileFamily& family) {
  const Shape &q = context.in(0).shape, &k = context.in(1).shape, &v = context.in(2).shape;
  AttentionPlan plan{};
  plan.heads = context.attributes.get_int("num_heads", 1);
  plan.batch = q.size(0), plan.queries = q.size(1), plan.keys = k.size(1);
  plan.head_width = q.size(2) / plan.heads, plan.value_width = v.size(2) / plan.heads;
  plan.scale = context.attributes.get_float("scale", 1);
  if (context.has(3)) set_mask(plan, context.in(3).shape);

  const int64_t by_size = (plan.queries * plan.keys + kScoreFloats - 1) / kScoreFloats;
  const int64_t by_chunks = (kChunksWanted + plan.batch * plan.heads - 1) / std::max<int64_t>(1, plan.batch * plan.heads);
  plan.query_parts = std::clamp<int64_t>(std::max(by_size, by_chunks), 1, std::max<int64_t>(1, plan.queries / kQueriesMin));
  plan.score_stride = static_cast<int64_t>(align_up(static_cast<size_t>(plan.keys), 16));
  const int64_t rows = plan.part_queries();
  plan.scores = cut_product(family, rows, plan.keys, 1, plan.head_width, plan.head_width, 1);
  plan.values = cut_product(family, rows, plan.value_width, 1, plan.keys, plan.keys, 1);
  plan.scores.row_parts = plan.scores.panel_parts = plan.values.row_parts = plan.values.panel_parts = 1;  // the chunk is the unit
  plan.scores.epilogue = plan.values.epilogue = epilogue_of({});
  plan.score_bytes = align_up(static_cast<size_t>(rows * plan.score_stride) * sizeof(float), kTensorAlignment);
  plan.packed_bytes = std::max(PackingWeights::packed_bytes(plan.scores), PackingWeights::packed_bytes(plan.values));
  plan.product_bytes = std::max(plan.scores.scratch_bytes(), plan.values.scratch_bytes());
  return plan;
}

void run_chunk(const AttentionPlan& p, const Buffers& buffers, int64_t chunk, std::byte* scratch) {
  const int64_t part = chunk % p.query_parts, head = chunk / p.query_parts % p.heads, batch = chunk / p.query_parts / p.heads;
  const int64_t first = p.queries * part / p.query_parts, rows = p.queries * (part + 1) / p.query_parts - first;
  const int64_t q_stride = p.heads * p.head_width, v_stride = p.heads * p.value_width;
  const auto scores = reinterpret_cast<float*>(scratch);
  const auto packed = reinterpret_cast<float*>(scratch + p.score_bytes);
  std::byte* rest = scratch + p.score_bytes + p.packed_bytes;

  const float* mask =
      p.has_mask ? buffers.in<float>(3) + batch * p.mask_strides[0] + head * p.mask_strides[1] + first * p.mask_strides[2]
                 : nullptr;
  const bool mask_per_key = p.mask_strides[3] == 1;
  MatrixRows queries{buffers.in<float>(0) + (batch * p.queries + first) * q_stride + head * p.head_width, q_stride};
  PackingWeights keys{p.scores, buffers.in<float>(1) + batch * p.keys * q_stride + head * p.head_width, q_stride, true, p.scale,
                      packed};
  const ProductOutput to_scores{scores, p.score_stride, nullptr, mask_per_key ? mask : nullptr, p.mask_strides[2]};
  run_product(p.scores, 0, rows, 0, p.scores.panels(), queries, keys, to_scores, rest);

  for (int64_t i = 0; i < rows && p.keys > 0; ++i) {
    float* row = scores + i * p.score_stride;
    if (mask && !mask_per_key)
      for (int64_t j = 0; j < p.keys; ++j) row[j] += mask[i * p.mask_strides[2]];
    p.scores.family->leaf->softmax(row, p.keys);
  }

  MatrixRows probabilities{scores, p.score_stride};
  PackingWeights values{p.values, buffers.in<float>(2) + batch * p.keys * v_stride + head * p.value_width, v_stride, false, 1,
                        packed};
  const ProductOutput to_out{buffers.out<float>() + (batch * p.queries + first) * v_stride + head * p.value_width, v_stride};
  run_product(p.values, 0, rows, 0, p.values.panels(), probabilities, values, to_out, rest);
}

}  // namespace

Refusal attention_accepts(const StepContext& context) {
  for (size_t i = 0; i < context.inputs.size(); ++i)
    if (context.has(i) && context.in(i).dtype != DType::kFloat32) return "wants float32";
  const Shape &q = context.in(0).shape, &k = context.in(1).shape, &v = context.in(2).shape;
  if (q.rank() != 3 || k.rank() != 3 || v.rank() != 3) return "wants Q, K and V of three axes";
  const int64_t heads = context.attributes.get_int("num_heads", 1);
  if (heads < 1 || last_extent(q) % heads != 0 || last_extent(v) % heads != 0) return "wants widths that num_heads divides";
  if (last_extent(k) != last_extent(q)) return "wants keys as wide as queries";
  if (k.size(1) != v.size(1) || q.size(0) != k.size(0) || q.size(0) != v.size(0))
    return "wants one batch, and as many keys as values";
  if (!context.has(3)) return "";
  const Shape& mask = context.in(3).shape;
  if (mask.rank() > 4) return "wants a mask of at most four axes";
  const int64_t full[4] = {q.size(0), heads, q.size(1), k.size(1)};
  for (int i = mask.rank() - 1, axis = 3; i >= 0; --i, --axis)
    if (mask.size(i) != 1 && mask.size(i) != full[axis]) return "wants a mask that broadcasts to [batch, heads, queries, keys]";
  return "";
}

Result<Kernel> attention_bind(const StepContext& context, const TileFamily& family) {
  if (context.out().shape.elements() == 0) return Kernel([](const Buffers&) {});
  AttentionPlan plan = plan_of(context, family);
  const size_t bytes = plan.worker_bytes() * static_cast<size_t>(context.threads);
  const int64_t chunks = plan.batch * plan.heads * plan.query_parts;
  const auto run = [plan = std::move(plan), chunks](const Buffers& buffers) {
    for_chunks(buffers.workers, chunks, [&](int64_t chunk, int worker) {
      run_chunk(plan, buffers, chunk, buffers.scratch + static_cast<size_t>(worker) * plan.worker_bytes());
    });
  };
  return Kernel(run, bytes);
}

}  // namespace tercel::kernels::x86
