#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/checked.h"
#include "kernels/workers.h"
#include "kernels/x86/leaf.h"
#include "tensor/tensor.h"

// How a product rows x columns over K = runs * length is cut: into chunks for the workers, inside a chunk into blocks of
// columns and of K whose weights stay in the second-level cache, inside a block into tiles. All bounds follow from the
// sizes alone, never from the number of threads or the machine, so the bits don't either.
namespace tercel::kernels::x86 {

// Weights of a block, in floats: 256 KiB, half of the smallest second-level cache we care for.
inline constexpr int64_t kBlockFloats = 64 * 1024;
inline constexpr int64_t kTileFloats = 6 * 1024;    // of a tile's rows in a block: 24 KiB stay in a first-level cache of 32
inline constexpr int64_t kBlockRows = 384;          // rows of a chunk whose partial sums wait in scratch
inline constexpr double kChunkFlops = 1e6;          // some 5 us: far more than handing a chunk over costs
inline constexpr double kFirstChunks = 4;           // of half that, so that small steps are shared too
inline constexpr double kChunkWeights = 64 * 1024;  // or as many weights, where streaming them is the work
inline constexpr double kChunkFlopsMost = 16e6;     // 70 to 200 us: longer ones would keep the thread from who waits for it
inline constexpr double kLongChunksMost = 4096;     // of a product that has more than kChunksMax because of that
inline constexpr int64_t kChunksMax = 64;           // that workers are handed; more are put together
inline constexpr int64_t kLoneChunksMax = 1 << 16;  // that a lone thread is handed which somebody may want in between

// Floats [offset, offset + length) of runs run .. run + runs - 1.
struct DepthBlock {
  int64_t run, runs, offset, length;
};

// Runs of a block, counted from its first.
struct RunRange {
  int64_t first, count;
};

// A product as one kernel row computes it. Made at bind.
struct Product {
  const TileFamily* family = nullptr;
  int64_t rows = 0, columns = 0, runs = 0, length = 0;
  std::vector<DepthBlock> blocks;
  int64_t block_panels = 1, row_parts = 1, panel_parts = 1;
  int64_t row_unit = 1;  // chunks start at multiples of it
  int64_t runs_max = 1;  // of a block
  Epilogue epilogue;

  int64_t depth() const { return runs * length; }
  int64_t panels() const { return (columns + family->width() - 1) / family->width(); }
  int64_t chunks() const { return row_parts * panel_parts; }
  int64_t panel_width(int64_t panel) const {
    return std::min<int64_t>(family->width(), static_cast<int64_t>(align_up(columns - panel * family->width(), family->lanes)));
  }
  int64_t first_row(int64_t part) const {
    return std::min(rows, (rows / row_unit + (rows % row_unit > 0)) * part / row_parts * row_unit);
  }
  // Rows of the next tile where `left` are left: even parts. (Tiles that keep to one row of a small map, so that they could
  // always leave out the kernel rows above and below it, were measured to lose more than that gains.)
  int64_t tile_rows(int64_t left) const {
    const int64_t tiles = (left + family->rows - 1) / family->rows;
    return (left + tiles - 1) / tiles;
  }
  int64_t first_panel(int64_t part) const { return panels() * part / panel_parts; }
  int64_t part_rows_max() const;
  int64_t length_max() const;  // of a run in a block
  // Scratch of one worker: row starts and partial sums. Callers add their own behind it.
  size_t starts_bytes() const {
    return align_up(static_cast<size_t>(runs_max * family->rows) * sizeof(float*), kTensorAlignment);
  }
  size_t partial_bytes() const;
  size_t scratch_bytes() const { return starts_bytes() + partial_bytes(); }
};

// `row_floats`: distinct floats a row brings (its K, or the channels of a convolution whose rows overlap), to judge
// whether rows or weights are the larger traffic. `batches`: how many such products run side by side.
Product cut_product(const TileFamily& family, int64_t rows, int64_t columns, int64_t runs, int64_t length, int64_t row_floats,
                    int64_t batches, int64_t row_unit = 1);

// Where a product goes, from row 0 and column 0.
struct ProductOutput {
  float* out = nullptr;
  int64_t out_stride = 0;
  const float* bias = nullptr;
  const float* residual = nullptr;
  int64_t residual_stride = 0;
};

// Weights that were packed beforehand: panel after panel, each [K][its width].
struct PackedWeights {
  const float* data;
  const Product* product;
  void prepare(int64_t, int64_t, const DepthBlock&) {}
  const float* panel(int64_t panel, const DepthBlock& block) const {
    return data + panel * product->depth() * product->family->width() +
           (block.run * product->length + block.offset) * product->panel_width(panel);
  }
  int64_t stride(int64_t panel) const { return product->panel_width(panel); }
};

// Computes rows [row0, row1) x panels [panel0, panel1). `rows.fill(row, count, block, starts)` says which runs of the block
// concern these `count` rows (of others all floats are zero) and writes where they start. `weights.prepare(panel0, panel1,
// block)` is called before panel(), stride() of that block.
template <typename Rows, typename Weights>
void run_product(const Product& product, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1, Rows& rows, Weights& weights,
                 const ProductOutput& output, std::byte* scratch) {
  const TileFamily& family = *product.family;
  const int64_t width = family.width();
  const auto starts = reinterpret_cast<const float**>(scratch);
  const auto partial = reinterpret_cast<float*>(scratch + product.starts_bytes());
  const bool single = product.blocks.size() == 1;
  TileArgs args{};
  args.rows = starts;
  args.out_stride = output.out_stride;
  args.residual_stride = output.residual_stride;
  args.epilogue = product.epilogue;
  for (int64_t first = panel0; first < panel1; first += product.block_panels) {
    const int64_t last = std::min(panel1, first + product.block_panels);
    for (const DepthBlock& block : product.blocks) {
      const bool ends = &block == &product.blocks.back();
      weights.prepare(first, last, block);
      args.resume = &block != &product.blocks.front();
      args.length = block.length;
      for (int64_t row = row0, high = 0; row < row1; row += high) {
        high = product.tile_rows(row1 - row);
        const RunRange runs = rows.fill(row, static_cast<int>(high), block, starts);
        args.runs = runs.count;
        for (int64_t p = first; p < last; ++p) {
          const int64_t panel_width = product.panel_width(p), column = p * width;
          args.columns = std::min(product.columns - column, panel_width);
          args.weight_stride = weights.stride(p);
          args.weights = weights.panel(p, block) + runs.first * block.length * args.weight_stride;
          args.partial = single ? partial : partial + ((row - row0) * product.block_panels + (p - first) * high) * width;
          args.store = ends && args.columns == panel_width && product.epilogue.is_clamp;
          args.out = output.out + row * output.out_stride + column;
          args.bias = output.bias ? output.bias + column : nullptr;
          args.residual = output.residual ? output.residual + row * output.residual_stride + column : nullptr;
          family.tile[high - 1][panel_width / family.lanes - 1](args);
          if (ends && !args.store) family.leaf->finish(args, static_cast<int>(high), static_cast<int>(panel_width));
        }
      }
    }
  }
}

// Runs task(chunk, worker) for all chunks, in at most `tasks` neighbourly shares, without a hand-over where one share is all.
// One by one where somebody may want the thread in between.
template <typename Task>
void for_chunks(Workers* workers, int64_t chunks, Task&& task, int64_t tasks = kChunksMax) {
  const int64_t shares = std::min(chunks, workers->may_pause() ? kLoneChunksMax : tasks);
  const auto share = [&](int64_t index, int worker) {
    for (int64_t chunk = chunks * index / shares; chunk < chunks * (index + 1) / shares; ++chunk) task(chunk, worker);
  };
  if (shares == 1) return share(0, 0);
  workers->run(static_cast<int>(shares), [&share](int index, int worker) { share(index, worker); });
}

}  // namespace tercel::kernels::x86
