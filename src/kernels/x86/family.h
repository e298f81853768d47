#pragma once

#include "kernels/x86/depthwise.h"
#include "kernels/x86/leaf.h"
#include "kernels/x86/tile.h"

// Fills the tables of leaf.h for one ISA. Constant-initialised: usable before main.
namespace tercel::kernels::x86 {

template <class L>
constexpr Leaf leaf_of() {
  return {L::kLanes,
          finish_tile<L>,
          {{depthwise_rows<L, 3, 1>, depthwise_rows<L, 3, 2>}, {depthwise_rows<L, 5, 1>, depthwise_rows<L, 5, 2>}},
          depthwise_pixel<L>,
          softmax_row<L>,
          transpose_lines<L>};
}

template <class L, int MR, int NV>
constexpr void add_tiles(TileFamily& family) {
  family.tile[MR - 1][NV - 1] = tile<L, MR, NV>;
  if constexpr (NV > 1) add_tiles<L, MR, NV - 1>(family);
}

template <class L, int MR, int NV>
constexpr void add_rows(TileFamily& family) {
  add_tiles<L, MR, NV>(family);
  if constexpr (MR > 1) add_rows<L, MR - 1, NV>(family);
}

template <class L, int MR, int NV>
constexpr TileFamily family_of(const Leaf* leaf) {
  TileFamily family{leaf, MR, NV, {}, L::kLanes};
  add_rows<L, MR, NV>(family);
  return family;
}

}  // namespace tercel::kernels::x86
