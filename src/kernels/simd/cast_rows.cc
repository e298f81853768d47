// Cast, CastLike and Where.
#include "kernels/simd/accepts.h"
#include "kernels/simd/broadcast.h"
#include "kernels/simd/cast_leaves.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/rows.h"

namespace tercel::kernels::simd {

namespace {

constexpr double kNsPerElement = 0.3;
constexpr int64_t kCastGrain = 4096;

Refusal accepts_cast(const StepContext& context) {
  const DType from = context.in(0).dtype, to = context.out().dtype;
  if (cast_leaf(from, to, context.isa)) return {};
  return "has no fast loop from " + std::string(dtype_name(from)) + " to " + std::string(dtype_name(to));
}

Result<Kernel> bind_cast(const StepContext& context) {
  const DType from = context.in(0).dtype, to = context.out().dtype;
  const int64_t elements = context.out().shape.elements(), grains = (elements + kCastGrain - 1) / kCastGrain;
  const Cut cut = cut_work(grains, kNsPerElement * kCastGrain);
  return Kernel([=, cast = cast_leaf(from, to, context.isa)](const Buffers& buffers) {
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      const auto first = static_cast<size_t>(begin * kCastGrain),
                 last = static_cast<size_t>(std::min(end * kCastGrain, elements));
      cast(buffers.in<std::byte>(0) + first * dtype_size(from), buffers.out<std::byte>() + first * dtype_size(to), last - first);
    });
  });
}

Refusal accepts_where(const StepContext& context) {
  const size_t bytes = dtype_size(context.out().dtype);
  return bytes == 4 || bytes == 8 ? "" : "wants elements of 4 or 8 bytes, not " + std::string(dtype_name(context.out().dtype));
}

// Row by row of the merged index space: along a row each input streams or is one element.
Result<Kernel> bind_where(const StepContext& context) {
  if (context.out().shape.elements() == 0) return nothing_to_do();
  const Shape shapes[] = {context.in(0).shape, context.in(1).shape, context.in(2).shape};
  const BroadcastSpace space = merged_space(context.out().shape, shapes);
  const int outer_rank = space.rank - 1;
  const auto bytes = static_cast<int64_t>(dtype_size(context.out().dtype));
  unsigned scalars = 0;
  for (unsigned i = 0; i < 3; ++i) scalars |= static_cast<unsigned>(space.strides[i][static_cast<size_t>(outer_rank)] == 0) << i;
  const int64_t rows = space.elements() / space.inner();
  const Cut cut = cut_work(rows, 10 + kNsPerElement * static_cast<double>(space.inner()));
  return Kernel([=, select = select_leaf(static_cast<size_t>(bytes), scalars, context.isa)](const Buffers& buffers) {
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      RowCursor cursor(space, outer_rank, 3, begin);
      for (int64_t row = begin; row < end; ++row, cursor.advance())
        select(buffers.in<bool>(0) + cursor.offset(0), buffers.in<std::byte>(1) + cursor.offset(1) * bytes,
               buffers.in<std::byte>(2) + cursor.offset(2) * bytes, buffers.out<std::byte>() + row * space.inner() * bytes,
               static_cast<size_t>(space.inner()));
    });
  });
}

constexpr KernelRow kRows[] = {
    {"Cast", "cast/simd", platform::kPortable, accepts_cast, bind_cast},
    {"CastLike", "cast-like/simd", platform::kPortable, accepts_cast, bind_cast},
    {"Where", "where/simd", platform::kPortable, accepts_where, bind_where},
};

}  // namespace

std::span<const KernelRow> cast_rows() { return kRows; }

}  // namespace tercel::kernels::simd
