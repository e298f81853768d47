#pragma once

#include <stddef.h>
#include <stdint.h>

// What the drivers of this folder see of an instruction set: tables of functions over plain arguments. The functions are
// instantiated from tile.h, depthwise.h and vector_math.h in one translation unit an ISA (avx512.cc, avx2.cc, portable.cc),
// the only ones compiled with ISA flags. Nothing here includes the standard library, so that no inline function of it is
// ever compiled with those flags and then picked by the linker for a machine without them.
namespace tercel::kernels::x86 {

// Numbered as ops::ActivationKind (epilogue.cc checks it).
enum class Act : uint8_t { kNone, kRelu, kClip, kLeakyRelu, kSigmoid, kTanh, kSilu, kHardSwish, kHardSigmoid, kGelu, kGeluTanh };

// What happens to a finished sum: + bias + residual, then the activation. None, Relu and Clip are a clamp to [low, high].
struct Epilogue {
  Act act = Act::kNone;
  bool is_clamp = true;
  float alpha = 0, beta = 0;
  float low = 0, high = 0;
};

// One tile of a product: mr rows x one panel of columns. A row's floats lie in `runs` runs of `length` consecutive floats
// (one run for a matrix, one per kernel tap for a convolution); the panel holds runs * length lines of `weight_stride`.
struct TileArgs {
  const float* const* rows;  // [runs][mr]: where each run of each row starts
  const float* weights;
  int64_t weight_stride;  // floats from one line of the panel to the next; tiles over kStridedRows take the width
  int64_t runs, length;
  float* partial;  // [mr][panel width]: the sum so far, and where a sum goes that `store` does not finish
  bool resume;     // start from `partial` instead of zero
  bool store;      // finish: bias, residual, clamp, out; only for a full panel and a clamping epilogue
  float* out;
  const float* bias;      // null: none
  const float* residual;  // null: none
  int64_t out_stride, residual_stride;
  int64_t columns;  // of `out` in this panel (finish only; at most the panel width)
  Epilogue epilogue;
};
using TileFunction = void (*)(const TileArgs&);

inline constexpr int kTileRowsMax = 14;
inline constexpr int kTileVectorsMax = 4;
inline constexpr int kStridedRows = 4;  // taller tiles have no register left for a stride

// Output rows of a depthwise convolution, for a range of channels. Taps outside the input count as zero. Rows are counted
// through all images of a batch.
struct DepthwiseRows {
  const float *input, *weights, *bias, *residual;  // bias and residual may be null
  float* out;
  int64_t height, width, channels;  // of the input; channels >= lanes
  int64_t out_height, out_width;
  int64_t kernel_rows, top, left;  // top, left: the input row and column of the first tap of the first pixel
  int64_t row_step, tap_step;      // input rows from one output row to the next, and from one kernel row to the next
  int64_t row_begin, row_end, channel_begin, channel_end;
  Epilogue epilogue;
};
using DepthwiseFunction = void (*)(const DepthwiseRows&);

// One output pixel from any list of taps.
struct DepthwisePixel {
  const float* const* inputs;   // [taps]
  const float* const* weights;  // [taps]
  int64_t taps;
  const float* bias;
  const float* residual;
  float* out;
  int64_t channels;  // >= lanes
  Epilogue epilogue;
};

// Everything an ISA offers besides tiles.
struct Leaf {
  int lanes;
  // partial -> out with bias, residual and any activation, for a panel of `width` floats of which `columns` are wanted.
  void (*finish)(const TileArgs&, int rows, int width);
  // By [kernel columns - 3) / 2][stride - 1]: 3 and 5 wide, stride 1 and 2.
  DepthwiseFunction depthwise[2][2];
  void (*depthwise_pixel)(const DepthwisePixel&);
  // row[0..n) = softmax(row); n >= 1.
  void (*softmax)(float* row, int64_t n);
  // out[j * out_stride + i] = scale * in[i * in_stride + j] for i < 0..width, j < count: rows become panel lines.
  void (*transpose)(const float* in, int64_t in_stride, float* out, int64_t out_stride, int64_t width, int64_t count,
                    float scale);
};

// The tiles of one shape on one ISA.
struct TileFamily {
  const Leaf* leaf;
  int rows, vectors;                                 // largest tile: rows x (vectors * leaf->lanes)
  TileFunction tile[kTileRowsMax][kTileVectorsMax];  // [rows - 1][vectors - 1]
  int lanes;
  int width() const { return vectors * lanes; }
};

extern const Leaf kAvx512Leaf, kAvx2Leaf, kPortableLeaf;
extern const TileFamily kAvx512Tall, kAvx512Wide, kAvx2Tall, kAvx2Wide, kPortableTiles;

}  // namespace tercel::kernels::x86
