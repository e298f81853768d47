#include "kernels/x86/dense.h"

#include "kernels/x86/epilogue.h"
#include "kernels/x86/matrix_rows.h"
#include "kernels/x86/packing.h"
#include "kernels/x86/product.h"

namespace tercel::kernels::x86 {

namespace {

struct DenseSizes {
  int64_t rows, depth, columns;
};

DenseSizes sizes_of(const StepContext& context) {
  const Shape& x = context.in(0).shape;
  const Shape& w = context.in(1).shape;
  const bool trans = context.attributes.get_int("transB", 0) != 0;
  return {x.elements(0, x.rank() - 1), w.size(trans ? 1 : 0), w.size(trans ? 0 : 1)};
}

}  // namespace

Refusal dense_accepts(const StepContext& context) {
  if (context.in(0).dtype != DType::kFloat32) return "wants float32";
  const Shape& x = context.in(0).shape;
  const Shape& w = context.in(1).shape;
  if (w.rank() != 2 || x.rank() < 1) return "wants a weight of two axes";
  if (!context.constant(1)) return "wants a constant weight";
  if (!ops::activation_of(context.attributes).ok()) return "does not know the activation";
  const DenseSizes s = sizes_of(context);
  if (x.size(x.rank() - 1) != s.depth) return "wants the input's last extent to be the weight's K";
  return "";
}

size_t dense_packed_bytes(const StepContext& context, const TileFamily& family) {
  const DenseSizes s = sizes_of(context);
  return static_cast<size_t>(packed_floats(family, s.depth, s.columns)) * sizeof(float);
}

void dense_pack(const StepContext& context, const TileFamily& family, std::span<std::byte> packed) {
  const DenseSizes s = sizes_of(context);
  const bool trans = context.attributes.get_int("transB", 0) != 0;
  pack_panels(family, context.constant(1)->data(), s.depth, s.columns, trans ? 1 : s.columns, trans ? s.depth : 1,
              reinterpret_cast<float*>(packed.data()));
}

Result<Kernel> dense_bind(const StepContext& context, const TileFamily& family) {
  const DenseSizes s = sizes_of(context);
  Product product = cut_product(family, s.rows, s.columns, 1, s.depth, s.depth, 1);
  product.epilogue = epilogue_of(TRY(ops::activation_of(context.attributes)));
  const bool has_bias = context.has(2), has_residual = context.has(3);
  const auto weights = reinterpret_cast<const float*>(context.packed.data());
  const size_t each = product.scratch_bytes();
  const auto run = [=](const Buffers& buffers) {
    if (s.rows == 0 || s.columns == 0) return;
    const ProductOutput output{buffers.out<float>(), s.columns, has_bias ? buffers.in<float>(2) : nullptr,
                               has_residual ? buffers.in<float>(3) : nullptr, s.columns};
    for_chunks(buffers.workers, product.chunks(), [&](int64_t chunk, int worker) {
      const int64_t row_part = chunk / product.panel_parts, panel_part = chunk % product.panel_parts;
      MatrixRows rows{buffers.in<float>(0), s.depth};
      PackedWeights packed{weights, &product};
      run_product(product, product.first_row(row_part), product.first_row(row_part + 1), product.first_panel(panel_part),
                  product.first_panel(panel_part + 1), rows, packed, output,
                  buffers.scratch + static_cast<size_t>(worker) * each);
    });
  };
  return Kernel(run, each * static_cast<size_t>(context.threads));
}

}  // namespace tercel::kernels::x86
