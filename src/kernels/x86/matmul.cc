#include "kernels/x86/matmul.h"

#include <array>

#include "kernels/x86/epilogue.h"
#include "kernels/x86/matrix_rows.h"
#include "kernels/x86/packing_weights.h"
#include "kernels/x86/product.h"

namespace tercel::kernels::x86 {

namespace {

using Strides = std::array<int64_t, kRankMax>;

// One operand: a stack of matrices. A vector counts as a matrix of one row (left) or one column (right).
struct Operand {
  int64_t rows = 1, columns = 1;  // as the product sees them
  bool transposed = false;        // it lies as [columns, rows]
  Shape batch;
  Strides batch_strides{};  // in floats, aligned to the output's batch axes; 0 where it broadcasts
};

Operand operand_of(const Shape& shape, bool transposed, bool is_left) {
  Operand o;
  const int rank = shape.rank();
  if (rank == 1) {
    (is_left ? o.columns : o.rows) = shape.size(0);
    return o;
  }
  o.transposed = transposed;
  o.rows = shape.size(rank - (transposed ? 1 : 2));
  o.columns = shape.size(rank - (transposed ? 2 : 1));
  for (int i = 0; i + 2 < rank; ++i) o.batch.push_back(shape[i]);
  return o;
}

struct MatMulPlan {
  Product product;
  Operand a, b;
  float alpha = 1;
  Shape batch;
  int64_t batches = 1;
  bool strided = false;  // B is read in place
  size_t product_bytes = 0, gather_bytes = 0, packed_bytes = 0;
  size_t worker_bytes() const { return product_bytes + gather_bytes + packed_bytes; }
};

void set_batch_strides(Operand& o, const Shape& batch) {
  int64_t stride = o.rows * o.columns;
  for (int i = o.batch.rank() - 1; i >= 0; --i) {
    const int axis = batch.rank() - (o.batch.rank() - i);
    o.batch_strides[static_cast<size_t>(axis)] = o.batch.size(i) == 1 ? 0 : stride;
    stride *= o.batch.size(i);
  }
}

// A stack on the left and one matrix on the right is one taller product.
void merge_batch_into_rows(MatMulPlan& plan) {
  if (plan.b.batch.elements() != 1 || plan.a.transposed || plan.a.batch.elements() != plan.batch.elements()) return;
  plan.a.rows *= plan.batch.elements();
  plan.batch = Shape();
}

Result<MatMulPlan> plan_of(const StepContext& context, const TileFamily& family) {
  MatMulPlan plan;
  const ops::Attributes& attributes = context.attributes;
  plan.a = operand_of(context.in(0).shape, attributes.get_int("transA", 0) != 0, true);
  plan.b = operand_of(context.in(1).shape, attributes.get_int("transB", 0) != 0, false);
  plan.alpha = attributes.get_float("alpha", 1);
  if (plan.a.columns != plan.b.rows) return invalid("wants the inner extents of A and B to be equal");
  plan.batch = TRY(broadcast(plan.a.batch, plan.b.batch));
  merge_batch_into_rows(plan);
  if (plan.batch.rank() > 0) set_batch_strides(plan.a, plan.batch), set_batch_strides(plan.b, plan.batch);
  plan.batches = plan.batch.elements();
  if (plan.batches == 0 || plan.a.rows == 0 || plan.b.columns == 0) return plan;

  const int64_t depth = plan.a.columns;
  plan.product = cut_product(family, plan.a.rows, plan.b.columns, 1, depth, depth, plan.batches);
  const int64_t chunks = plan.product.chunks();
  // Chunks pack the panels that they use: cutting rows would pack them again for each part, which pays for tall parts only. Parts
  // of the panels make up for those.
  plan.product.row_parts = std::min<int64_t>(plan.product.row_parts, std::max<int64_t>(1, plan.a.rows / 64));
  if (plan.product.blocks.size() > 1)
    plan.product.row_parts = std::max(plan.product.row_parts, (plan.a.rows + kBlockRows - 1) / kBlockRows);
  if (!plan.a.transposed)  // every part of the panels would gather the rows again
    plan.product.panel_parts =
        std::clamp<int64_t>(chunks / plan.product.row_parts, plan.product.panel_parts, plan.product.panels());
  plan.product.epilogue = epilogue_of({});
  plan.strided = plan.a.rows <= kStridedRows && !plan.b.transposed && plan.alpha == 1;
  plan.product_bytes = plan.product.scratch_bytes();
  plan.gather_bytes = plan.a.transposed ? TransposedRows::gather_bytes(plan.product) : 0;
  plan.packed_bytes = PackingWeights::packed_bytes(plan.product);
  return plan;
}

void run_chunk(const MatMulPlan& plan, const Buffers& buffers, int64_t chunk, std::byte* scratch) {
  const Product& p = plan.product;
  const int64_t batch = chunk / p.chunks(), part = chunk % p.chunks(), row_part = part / p.panel_parts,
                panel_part = part % p.panel_parts;
  const float *a = buffers.in<float>(0), *b = buffers.in<float>(1);
  for (int64_t axis = plan.batch.rank() - 1, rest = batch; axis >= 0; --axis) {
    const int64_t extent = plan.batch.size(static_cast<int>(axis)), index = rest % extent;
    rest /= extent;
    a += index * plan.a.batch_strides[static_cast<size_t>(axis)];
    b += index * plan.b.batch_strides[static_cast<size_t>(axis)];
  }
  const ProductOutput output{buffers.out<float>() + batch * p.rows * p.columns, p.columns};
  PackingWeights packing{p,
                         b,
                         plan.b.transposed ? plan.b.rows : plan.b.columns,
                         plan.b.transposed,
                         plan.alpha,
                         reinterpret_cast<float*>(scratch + plan.product_bytes + plan.gather_bytes)};
  const auto with_rows = [&](auto& weights) {
    const int64_t row0 = p.first_row(row_part), row1 = p.first_row(row_part + 1);
    const int64_t panel0 = p.first_panel(panel_part), panel1 = p.first_panel(panel_part + 1);
    if (plan.a.transposed) {
      TransposedRows rows{a, plan.a.rows, reinterpret_cast<float*>(scratch + plan.product_bytes)};
      run_product(p, row0, row1, panel0, panel1, rows, weights, output, scratch);
    } else {
      MatrixRows rows{a, plan.a.columns};
      run_product(p, row0, row1, panel0, panel1, rows, weights, output, scratch);
    }
  };
  if (plan.strided) {
    StridedWeights weights{packing};
    with_rows(weights);
  } else {
    with_rows(packing);
  }
}

}  // namespace

Refusal matmul_accepts(const StepContext& context) {
  if (context.in(0).dtype != DType::kFloat32 || context.in(1).dtype != DType::kFloat32) return "wants float32";
  if (context.in(0).shape.rank() < 1 || context.in(1).shape.rank() < 1) return "wants no scalars";
  return "";
}

Result<Kernel> matmul_bind(const StepContext& context, const TileFamily& family) {
  MatMulPlan plan = TRY(plan_of(context, family));
  if (!plan.product.family) return Kernel([](const Buffers&) {});
  const size_t bytes = plan.worker_bytes() * static_cast<size_t>(context.threads);
  const int64_t chunks = plan.batches * plan.product.chunks();
  const auto run = [plan = std::move(plan), chunks](const Buffers& buffers) {
    for_chunks(buffers.workers, chunks, [&](int64_t chunk, int worker) {
      run_chunk(plan, buffers, chunk, buffers.scratch + static_cast<size_t>(worker) * plan.worker_bytes());
    });
  };
  return Kernel(run, bytes);
}

}  // namespace tercel::kernels::x86
