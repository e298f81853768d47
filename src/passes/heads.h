#pragma once

#include "passes/match.h"

namespace tercel::passes {

// An operand of attention as the projections wrote it: [batch, length, heads, width], before its axes were permuted.
struct Heads {
  ValueId split = kNoValue;  // rank 4
  Dim batch, length;
  int64_t count = 0, width = 0;
  double factor = 1;  // of scales that were applied on the way
  explicit operator bool() const { return split != kNoValue; }
};

// Walks from a MatMul's operand back over scales and Transposes; nothing unless these permute by `perm` altogether and
// heads and width are known.
Heads heads_of(const Editor& e, ValueId operand, std::span<const int64_t> perm);

// `rows` [batch, length, count * width] with its last axis split is `split` [batch, length, count, width], for sure.
bool splits_heads(const Shape& rows, const Shape& split);

// The operand as [batch, length, heads * width]: the input of the Reshape that split it, or a new Reshape of the split form.
ValueId joined_heads(Editor& e, const Heads& heads, const std::string& name);

// Queries, keys and values out of one projection: [B, S, n * H * D] reshaped to [B, S, n, H, D], transposed to
// [n, B, H, S, D] and taken apart along axis 0. Takes the projection apart instead, into n pieces that heads_of() knows.
// Returns the number of pieces rewritten.
int unpack_heads(Editor& e);

}  // namespace tercel::passes
