#pragma once

#include <algorithm>

#include "kernels/kernel.h"
#include "ops/indexing.h"

// Binders of the indexing operators; indexing.cc lists them.
namespace tercel::kernels {

// Indices come from data, and a running kernel cannot fail: an index outside -extent..extent-1, which ONNX calls an error, is
// taken to be the nearest valid one. extent > 0.
inline int64_t clamped_index(int64_t index, int64_t extent) {
  return std::clamp<int64_t>(index < 0 ? index + extent : index, 0, extent - 1);
}

// Where the slice lies that the tuple at `indices` picks: its offset in units of slices.
class TupleIndexer {
 public:
  // Tuples of `length` indices into axes first, first + 1, ... of `data`.
  TupleIndexer(const Shape& data, int first, int length, bool wide) : length_(length), wide_(wide) {
    for (int i = 0; i < length; ++i) extents_[i] = data.size(first + i);
  }
  int length() const { return length_; }
  bool is_empty() const { return std::count(extents_, extents_ + length_, 0) != 0; }  // no slice to pick
  int64_t at(const void* indices, int64_t tuple) const;

 private:
  int64_t extents_[kRankMax];
  int length_;
  bool wide_;
};

// Element i of an int32 or int64 index buffer.
inline int64_t index_at(const void* indices, bool wide, int64_t i) {
  return wide ? static_cast<const int64_t*>(indices)[i] : static_cast<const int32_t*>(indices)[i];
}

Result<Kernel> bind_gather(const StepContext& context);            // gather.cc
Result<Kernel> bind_gather_elements(const StepContext& context);   // gather.cc
Result<Kernel> bind_gather_nd(const StepContext& context);         // gather.cc
Result<Kernel> bind_scatter_elements(const StepContext& context);  // scatter.cc
Result<Kernel> bind_scatter_nd(const StepContext& context);        // scatter.cc
Result<Kernel> bind_tensor_scatter(const StepContext& context);    // scatter.cc
Result<Kernel> bind_one_hot(const StepContext& context);           // selection.cc
Result<Kernel> bind_top_k(const StepContext& context);             // top_k.cc
Result<Kernel> bind_non_zero(const StepContext& context);          // selection.cc
Result<Kernel> bind_compress(const StepContext& context);          // selection.cc
Result<Kernel> bind_unique(const StepContext& context);            // selection.cc

// Implementation details; readers may stop here.

inline int64_t TupleIndexer::at(const void* indices, int64_t tuple) const {
  int64_t slice = 0;
  for (int i = 0; i < length_; ++i)
    slice = slice * extents_[i] + clamped_index(index_at(indices, wide_, tuple * length_ + i), extents_[i]);
  return slice;
}

}  // namespace tercel::kernels
