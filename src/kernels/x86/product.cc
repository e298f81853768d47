#include "kernels/x86/product.h"

namespace tercel::kernels::x86 {

namespace {

std::vector<DepthBlock> cut_depth(int64_t runs, int64_t length, int64_t block_depth) {
  std::vector<DepthBlock> blocks;
  const int64_t depth = runs * length;
  if (depth <= block_depth + block_depth / 4) return {{0, runs, 0, length}};
  if (length <= block_depth) {
    const int64_t parts = (depth + block_depth - 1) / block_depth;
    for (int64_t i = 0; i < parts; ++i) {
      const int64_t run = runs * i / parts, end = runs * (i + 1) / parts;
      if (end > run) blocks.push_back({run, end - run, 0, length});
    }
    return blocks;
  }
  const int64_t parts = (length + block_depth - 1) / block_depth;
  for (int64_t run = 0; run < runs; ++run)
    for (int64_t i = 0; i < parts; ++i) {
      // Whole cache lines, so that rows of a block start where those of the block before end a line.
      const int64_t begin = length * i / parts / 16 * 16, end = i + 1 == parts ? length : length * (i + 1) / parts / 16 * 16;
      blocks.push_back({run, 1, begin, end - begin});
    }
  return blocks;
}

}  // namespace

int64_t Product::part_rows_max() const {
  int64_t most = 0;
  for (int64_t i = 0; i < row_parts; ++i) most = std::max(most, first_row(i + 1) - first_row(i));
  return most;
}

int64_t Product::length_max() const {
  int64_t most = 0;
  for (const DepthBlock& block : blocks) most = std::max(most, block.length);
  return most;
}

size_t Product::partial_bytes() const {
  const int64_t floats = blocks.size() == 1 ? family->rows * family->width() : part_rows_max() * block_panels * family->width();
  return align_up(static_cast<size_t>(floats) * sizeof(float), kTensorAlignment);
}

Product cut_product(const TileFamily& family, int64_t rows, int64_t columns, int64_t runs, int64_t length, int64_t row_floats,
                    int64_t batches, int64_t row_unit) {
  Product p{&family, rows, columns, runs, length};
  p.row_unit = row_unit;
  p.blocks = cut_depth(runs, length, kTileFloats / family.rows);
  int64_t depth_max = 1;
  for (const DepthBlock& block : p.blocks) {
    p.runs_max = std::max(p.runs_max, block.runs);
    depth_max = std::max(depth_max, block.runs * block.length);
  }
  const int64_t panels = std::max<int64_t>(1, p.panels());
  p.block_panels = std::clamp<int64_t>(kBlockFloats / (depth_max * family.width()), 1, panels);

  const double weights = static_cast<double>(columns) * static_cast<double>(runs * length);
  const double whole = 2 * weights * static_cast<double>(rows) / kChunkFlops;
  const double wanted = std::max({whole, std::min(2 * whole, kFirstChunks), weights / kChunkWeights});
  const double most = std::max(static_cast<double>(kChunksMax) / static_cast<double>(std::max<int64_t>(1, batches)),
                               std::min(whole * kChunkFlops / kChunkFlopsMost, kLongChunksMost));
  int64_t target = std::max<int64_t>(1, static_cast<int64_t>(std::min(wanted, most)));
  if (target > 2) target = static_cast<int64_t>(align_up(static_cast<size_t>(target), 4));  // even shares for 2 and 4 threads
  const int64_t units = std::max<int64_t>(1, (rows + row_unit - 1) / row_unit);
  const int64_t row_parts_max = std::clamp<int64_t>(rows / (2 * family.rows), 1, units);
  const auto parts = [](int64_t wanted_parts, int64_t most) { return std::clamp<int64_t>(wanted_parts, 1, most); };
  if (columns * p.depth() > rows * row_floats) {  // weights are the larger operand: read each only once
    p.panel_parts = parts(target, panels);
    p.row_parts = parts(target / p.panel_parts, row_parts_max);
  } else {
    p.row_parts = parts(target, row_parts_max);
    p.panel_parts = parts(target / p.row_parts, panels);
  }
  if (p.blocks.size() > 1) p.row_parts = std::max(p.row_parts, parts((rows + kBlockRows - 1) / kBlockRows, units));
  return p;
}

}  // namespace tercel::kernels::x86
