#include "kernels/simd/move.h"

#include <algorithm>
#include <cstring>

namespace tercel::kernels::simd {

namespace {

constexpr double kNsPerByte = 0.08, kNsPerRun = 3, kNsPerTransposed = 0.5;
constexpr int64_t kLongRun = 64 << 10;   // bytes; longer runs are moved in pieces of this many
constexpr int64_t kTileElements = 4096;  // of a piece of a transpose, about

// Runs of a size the compiler knows.
template <size_t kBytes>
void copy_small_runs(const std::byte* source, int64_t source_step, std::byte* target, int64_t target_step, int64_t count) {
  if (source_step == 0 && target_step == kBytes) {  // a fill
    std::array<std::byte, kBytes> run;
    std::memcpy(run.data(), source, kBytes);
    for (int64_t i = 0; i < count; ++i) std::memcpy(target + i * static_cast<int64_t>(kBytes), run.data(), kBytes);
    return;
  }
  for (int64_t i = 0; i < count; ++i) std::memcpy(target + i * target_step, source + i * source_step, kBytes);
}

void copy_runs(const std::byte* source, int64_t source_step, std::byte* target, int64_t target_step, int64_t count,
               int64_t bytes) {
  switch (bytes) {
    case 1: return copy_small_runs<1>(source, source_step, target, target_step, count);
    case 2: return copy_small_runs<2>(source, source_step, target, target_step, count);
    case 4: return copy_small_runs<4>(source, source_step, target, target_step, count);
    case 8: return copy_small_runs<8>(source, source_step, target, target_step, count);
    case 12: return copy_small_runs<12>(source, source_step, target, target_step, count);
    case 16: return copy_small_runs<16>(source, source_step, target, target_step, count);
    case 32: return copy_small_runs<32>(source, source_step, target, target_step, count);
    default:
      for (int64_t i = 0; i < count; ++i)
        std::memcpy(target + i * target_step, source + i * source_step, static_cast<size_t>(bytes));
  }
}

// Outermost axis of the target first; neighbours merged where both sides allow it.
Move ordered(const Move& move) {
  Move sorted = move;
  sorted.rank = static_cast<int>(
      std::remove_if(sorted.axes.begin(), sorted.axes.begin() + sorted.rank, [](const Move::Axis& a) { return a.extent == 1; }) -
      sorted.axes.begin());
  std::stable_sort(sorted.axes.begin(), sorted.axes.begin() + sorted.rank,
                   [](const Move::Axis& a, const Move::Axis& b) { return a.target > b.target; });
  Move merged;
  merged.source_offset = move.source_offset;
  merged.target_offset = move.target_offset;
  for (int i = 0; i < sorted.rank; ++i) {
    const Move::Axis& axis = sorted.axes[static_cast<size_t>(i)];
    Move::Axis* last = merged.rank ? &merged.axes[static_cast<size_t>(merged.rank - 1)] : nullptr;
    if (last && last->source == axis.source * axis.extent && last->target == axis.target * axis.extent)
      *last = {last->extent * axis.extent, axis.source, axis.target};
    else merged.add(axis.extent, axis.source, axis.target);
  }
  if (merged.rank == 0) merged.add(1, 1, 1);
  return merged;
}

int64_t elements_of(const Move& move) {
  int64_t elements = 1;
  for (int i = 0; i < move.rank; ++i) elements *= move.axes[static_cast<size_t>(i)].extent;
  return elements;
}

Move::Axis take_axis(Move& move, int at) {
  const Move::Axis axis = move.axes[static_cast<size_t>(at)];
  std::copy(move.axes.begin() + at + 1, move.axes.begin() + move.rank, move.axes.begin() + at);
  --move.rank;
  return axis;
}

}  // namespace

void Move::add(int64_t extent, int64_t source, int64_t target) {
  check(rank < kAxesMax, "axes of a move");
  axes[static_cast<size_t>(rank++)] = {extent, source, target};
}

MovePlan::MovePlan(const Move& move, size_t element_bytes, const platform::Isa& isa)
    : element_bytes_(static_cast<int64_t>(element_bytes)) {
  for (int i = 0; i < move.rank; ++i)
    if (move.axes[static_cast<size_t>(i)].extent == 0) return;
  move_ = ordered(move);
  const Move::Axis inner = move_.axes[static_cast<size_t>(move_.rank - 1)];
  int contiguous = -1;
  for (int i = 0; i < move_.rank; ++i)
    if (move_.axes[static_cast<size_t>(i)].source == 1) contiguous = i;
  if (inner.target == 1 && inner.source > 1 && contiguous >= 0) plan_tiles(contiguous, isa);
  else plan_runs();
}

void MovePlan::plan_tiles(int contiguous, const platform::Isa& isa) {
  way_ = Way::kTiles;
  rows_ = take_axis(move_, move_.rank - 1);
  columns_ = take_axis(move_, contiguous);
  transpose_ = transpose_leaf(static_cast<size_t>(element_bytes_), isa);
  const int64_t wanted = std::max<int64_t>(1, kTileElements / rows_.extent);
  columns_per_piece_ = std::min(columns_.extent, (wanted + 15) / 16 * 16);  // whole cache lines of floats
  pieces_ = (columns_.extent + columns_per_piece_ - 1) / columns_per_piece_;
  cut_ = cut_work(elements_of(move_) * pieces_, kNsPerTransposed * static_cast<double>(rows_.extent * columns_per_piece_));
}

void MovePlan::plan_runs() {
  const Move::Axis inner = move_.axes[static_cast<size_t>(move_.rank - 1)];
  const bool contiguous = inner.target == 1 && inner.source == 1;
  run_bytes_ = element_bytes_ * (contiguous ? take_axis(move_, move_.rank - 1).extent : 1);
  if (run_bytes_ > kLongRun) {
    way_ = Way::kLongRuns;
    pieces_ = (run_bytes_ + kLongRun - 1) / kLongRun;
    cut_ = cut_work(elements_of(move_) * pieces_, kNsPerByte * kLongRun);
  } else {
    way_ = Way::kLines;
    line_ = move_.rank ? take_axis(move_, move_.rank - 1) : Move::Axis{1, 0, 0};
    cut_ = cut_work(elements_of(move_) * line_.extent, kNsPerRun + kNsPerByte * static_cast<double>(run_bytes_));
  }
}

MovePlan::Position MovePlan::position_of(int64_t outer) const {
  Position position{move_.source_offset, move_.target_offset};
  for (int i = move_.rank - 1; i >= 0; --i) {
    const Move::Axis& axis = move_.axes[static_cast<size_t>(i)];
    const int64_t at = outer % axis.extent;
    outer /= axis.extent;
    position.source += at * axis.source;
    position.target += at * axis.target;
  }
  return position;
}

void MovePlan::run_long_runs(const std::byte* source, std::byte* target, int64_t begin, int64_t end) const {
  for (int64_t unit = begin; unit < end; ++unit) {
    const Position at = position_of(unit / pieces_);
    const int64_t start = unit % pieces_ * kLongRun;
    std::memcpy(target + at.target * element_bytes_ + start, source + at.source * element_bytes_ + start,
                static_cast<size_t>(std::min(kLongRun, run_bytes_ - start)));
  }
}

void MovePlan::run_lines(const std::byte* source, std::byte* target, int64_t begin, int64_t end) const {
  while (begin < end) {
    const int64_t column = begin % line_.extent, count = std::min(end - begin, line_.extent - column);
    const Position at = position_of(begin / line_.extent);
    copy_runs(source + (at.source + column * line_.source) * element_bytes_, line_.source * element_bytes_,
              target + (at.target + column * line_.target) * element_bytes_, line_.target * element_bytes_, count, run_bytes_);
    begin += count;
  }
}

void MovePlan::run_tiles(const std::byte* source, std::byte* target, int64_t begin, int64_t end) const {
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t first = unit % pieces_ * columns_per_piece_, count = std::min(columns_per_piece_, columns_.extent - first);
    const Position at = position_of(unit / pieces_);
    transpose_(source + (at.source + first) * element_bytes_, static_cast<size_t>(rows_.source),
               target + (at.target + first * columns_.target) * element_bytes_, static_cast<size_t>(columns_.target),
               static_cast<size_t>(rows_.extent), static_cast<size_t>(count));
  }
}

void MovePlan::run(const void* source, void* target, Workers& workers) const {
  const auto* from = static_cast<const std::byte*>(source);
  auto* to = static_cast<std::byte*>(target);
  run_anyhow(workers, cut_, [&](int64_t begin, int64_t end, int) {
    switch (way_) {
      case Way::kNothing: break;
      case Way::kLongRuns: return run_long_runs(from, to, begin, end);
      case Way::kLines: return run_lines(from, to, begin, end);
      case Way::kTiles: return run_tiles(from, to, begin, end);
    }
  });
}

Kernel move_kernel(const Move& move, const StepContext& context) {
  return Kernel([plan = MovePlan(move, dtype_size(context.out().dtype), context.isa)](const Buffers& buffers) {
    plan.run(buffers.inputs[0], buffers.outputs[0], *buffers.workers);
  });
}

}  // namespace tercel::kernels::simd
