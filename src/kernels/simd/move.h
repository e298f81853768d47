#pragma once

#include <array>
#include <cstdint>

#include "kernels/kernel.h"
#include "kernels/simd/parallel.h"
#include "kernels/simd/transpose_leaves.h"

// Moving elements between strided views, whatever they are: Transpose, Slice, Concat, Split, Expand, Tile, DepthToSpace.
namespace tercel::kernels::simd {

// A nest of axes in any order. Steps and offsets count elements; a source step may be 0 (repeat) or negative.
struct Move {
  static constexpr int kAxesMax = 2 * kRankMax;  // Tile and DepthToSpace see an axis as two
  struct Axis {
    int64_t extent = 1, source = 0, target = 0;
  };
  int rank = 0;
  std::array<Axis, kAxesMax> axes{};
  int64_t source_offset = 0, target_offset = 0;

  void add(int64_t extent, int64_t source, int64_t target);
};

// A move with its axes ordered by the target and merged, and the way to do it: long runs in pieces, lines of short runs
// (down to one element), or tiles of a transpose.
class MovePlan {
 public:
  MovePlan(const Move& move, size_t element_bytes, const platform::Isa& isa);
  void run(const void* source, void* target, Workers& workers) const;

 private:
  enum class Way : uint8_t { kNothing, kLongRuns, kLines, kTiles };
  struct Position {
    int64_t source, target;  // elements
  };
  void plan_tiles(int contiguous, const platform::Isa& isa);
  void plan_runs();
  Position position_of(int64_t outer) const;
  void run_long_runs(const std::byte* source, std::byte* target, int64_t begin, int64_t end) const;
  void run_lines(const std::byte* source, std::byte* target, int64_t begin, int64_t end) const;
  void run_tiles(const std::byte* source, std::byte* target, int64_t begin, int64_t end) const;

  Way way_ = Way::kNothing;
  Move move_;  // the outer axes; the inner ones are below
  int64_t element_bytes_;
  int64_t run_bytes_ = 0;      // of a contiguous run
  Move::Axis line_;            // lines: the axis along which runs follow each other
  Move::Axis rows_, columns_;  // tiles: contiguous in the target, contiguous in the source
  int64_t columns_per_piece_ = 0;
  int64_t pieces_ = 1;  // of one run, or of one transposed tile
  TransposeLeaf transpose_ = nullptr;
  Cut cut_;
};

// A kernel that runs one move from input 0 to output 0.
Kernel move_kernel(const Move& move, const StepContext& context);

}  // namespace tercel::kernels::simd
