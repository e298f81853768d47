#pragma once

#include "ops/op.h"

// How the inputs of Attention lie, for its shape rule and its kernels.
namespace tercel::ops {

// Extents of an Attention node; unknown where they are not known yet.
struct AttentionExtents {
  Dim batch, query_heads, key_heads, queries, keys, past, columns, value_columns;
  Dim total() const { return past + keys; }
  bool packed = false;  // Q, K, V are [batch, sequence, heads * columns], not [batch, heads, sequence, columns]
};

// Of Q, K, V and the past key (rank 0 when there is none).
Result<AttentionExtents> attention_extents(const Attributes& attributes, const Shape& q, const Shape& k, const Shape& v,
                                           const Shape* past_key);

// Heads and their width in X of a RotaryEmbedding.
struct RotaryExtents {
  Dim batch, heads, sequence, columns;
  int64_t rotated = 0;  // columns that rotate; 0: all
  bool packed = false;
};
Result<RotaryExtents> rotary_extents(const Attributes& attributes, const Shape& x);

}  // namespace tercel::ops
