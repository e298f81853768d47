#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/workers.h"

// How the kernels of this folder cut their work. A cut depends on sizes only, never on the number of threads.
namespace tercel::kernels::simd {

// Work below kWorthCuttingNs stays whole: waking a second thread and sharing its cache lines costs about a microsecond.
inline constexpr double kWorthCuttingNs = 30'000;
inline constexpr double kPieceNs = 8'000;
inline constexpr int64_t kPiecesMax = 512;

struct Cut {
  int64_t items = 0;
  int64_t per_piece = 0;
  int pieces = 0;
};

inline Cut cut_work(int64_t items, double ns_per_item) {
  const double total_ns = static_cast<double>(items) * ns_per_item;
  if (items <= 1 || total_ns < kWorthCuttingNs) return {items, items, items > 0 ? 1 : 0};
  const int64_t wanted = std::clamp<int64_t>(static_cast<int64_t>(total_ns / kPieceNs), 2, std::min(kPiecesMax, items));
  const int64_t per_piece = (items + wanted - 1) / wanted;
  return {items, per_piece, static_cast<int>((items + per_piece - 1) / per_piece)};
}

// Whether nobody is there to take pieces, or to come between them.
inline bool runs_whole(const Workers& workers, const Cut& cut) {
  return (cut.pieces == 1 || workers.count() == 1) && !workers.may_pause();
}

// body(begin, end, worker) over all items, each once. For bodies whose results do not depend on where the cuts are: a lone
// thread that nobody else wants takes everything in one call.
template <typename Body>
void run_anyhow(Workers& workers, const Cut& cut, const Body& body) {
  if (cut.pieces == 0) return;
  if (runs_whole(workers, cut)) return body(int64_t{0}, cut.items, 0);
  workers.run(cut.pieces, [&](int piece, int worker) {
    const int64_t begin = piece * cut.per_piece;
    body(begin, std::min(begin + cut.per_piece, cut.items), worker);
  });
}

// The same, but always piece by piece: for bodies that combine what is in a piece.
template <typename Body>
void run_pieces(Workers& workers, const Cut& cut, const Body& body) {
  const auto task = [&](int piece, int worker) {
    const int64_t begin = piece * cut.per_piece;
    body(piece, begin, std::min(begin + cut.per_piece, cut.items), worker);
  };
  if (runs_whole(workers, cut)) {
    for (int piece = 0; piece < cut.pieces; ++piece) task(piece, 0);
  } else if (cut.pieces > 0) {
    workers.run(cut.pieces, task);
  }
}

}  // namespace tercel::kernels::simd
