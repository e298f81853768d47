// Gather along any axis: rows are contiguous. Embedding tables are larger than any cache, so rows are fetched ahead.
#include <algorithm>
#include <cstring>

#include "kernels/simd/accepts.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/rows.h"
#include "ops/checks.h"

namespace tercel::kernels::simd {

namespace {

constexpr int64_t kRowsAhead = 8;
constexpr int64_t kPrefetchBytesMax = 512;  // of one row; hardware follows longer ones by itself
constexpr double kNsPerRow = 20, kNsPerByte = 0.1;

struct Gather {
  int64_t outer = 1, extent = 1, count = 0, row_bytes = 0;

  // Out-of-range indices are taken to be the nearest valid one, as in kernels/ref/indexing.h: a running kernel cannot fail.
  template <typename Index>
  int64_t offset_of(const Index* indices, int64_t i) const {
    const int64_t index = static_cast<int64_t>(indices[i]);
    return std::clamp<int64_t>(index < 0 ? index + extent : index, 0, extent - 1) * row_bytes;
  }
};

void prefetch_row(const char* row, int64_t bytes) {
  for (int64_t at = 0; at < std::min(bytes, kPrefetchBytesMax); at += 64) __builtin_prefetch(row + at);
}

template <typename Index>
void gather_rows_of(const Gather& g, const Index* indices, const char* data, char* out, int64_t begin, int64_t end) {
  for (int64_t unit = begin; unit < end; ++unit) {
    const char* table = data + unit / g.count * g.extent * g.row_bytes;
    const int64_t i = unit % g.count;
    if (i + kRowsAhead < g.count) prefetch_row(table + g.offset_of(indices, i + kRowsAhead), g.row_bytes);
    std::memcpy(out + unit * g.row_bytes, table + g.offset_of(indices, i), static_cast<size_t>(g.row_bytes));
  }
}

template <typename T, typename Index>
void gather_elements_of(const Gather& g, const Index* indices, const char* data, char* out, int64_t begin, int64_t end) {
  for (int64_t unit = begin; unit < end; ++unit)
    std::memcpy(out + unit * static_cast<int64_t>(sizeof(T)),
                data + unit / g.count * g.extent * g.row_bytes + g.offset_of(indices, unit % g.count), sizeof(T));
}

template <typename Index>
Kernel gather_kernel(const Gather& g) {
  auto* run = g.row_bytes == 8   ? gather_elements_of<uint64_t, Index>
              : g.row_bytes == 4 ? gather_elements_of<uint32_t, Index>
                                 : gather_rows_of<Index>;
  const Cut cut = cut_work(g.outer * g.count, g.row_bytes <= 8 ? 2 : kNsPerRow + kNsPerByte * static_cast<double>(g.row_bytes));
  return Kernel([=](const Buffers& buffers) {
    run_anyhow(*buffers.workers, cut, [&](int64_t begin, int64_t end, int) {
      run(g, buffers.in<Index>(1), buffers.in<char>(0), buffers.out<char>(), begin, end);
    });
  });
}

Refusal accepts_gather(const StepContext& context) {
  const DType type = context.in(1).dtype;
  if (type != DType::kInt32 && type != DType::kInt64) return "wants int32 or int64 indices";
  return context.in(0).shape.elements() == 0 ? "wants a table with elements" : "";
}

Result<Kernel> bind_gather(const StepContext& context) {
  const Shape& data = context.in(0).shape;
  const int axis = TRY(ops::axis_of(context.attributes, "axis", 0, data.rank()));
  if (context.out().shape.elements() == 0) return nothing_to_do();
  const Gather g{data.elements(0, axis), data.size(axis), context.in(1).shape.elements(),
                 data.elements(axis + 1, data.rank()) * static_cast<int64_t>(dtype_size(context.in(0).dtype))};
  return context.in(1).dtype == DType::kInt64 ? gather_kernel<int64_t>(g) : gather_kernel<int32_t>(g);
}

constexpr KernelRow kRows[] = {{"Gather", "gather/simd", platform::kPortable, accepts_gather, bind_gather}};

}  // namespace

std::span<const KernelRow> gather_rows() { return kRows; }

}  // namespace tercel::kernels::simd
