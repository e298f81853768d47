#pragma once

#include <span>

#include "ops/op.h"

// One function a family file; all_ops() walks them in this order. Add an operator to the table of its family.
namespace tercel::ops {

std::span<const OpDef> elementwise_ops();   // elementwise.cc: unary, binary, comparison, logic, Where, Clip, Cast, ...
std::span<const OpDef> reduction_ops();     // reduction.cc: ReduceX, ArgMax, CumSum, Softmax, normalisations
std::span<const OpDef> matrix_ops();        // matrix.cc: MatMul, Gemm, Einsum, Conv family, pooling
std::span<const OpDef> layout_ops();        // layout.cc: Reshape, Transpose, Concat, Split, Slice, Pad, Expand, Tile, ...
std::span<const OpDef> indexing_ops();      // indexing.cc: Gather*, Scatter*, OneHot, TopK, NonZero, Unique, ...
std::span<const OpDef> generator_ops();     // generator.cc: Constant, ConstantOfShape, Range, Random*, EyeLike, Shape, Size
std::span<const OpDef> image_ops();         // image.cc: Resize, GridSample, RoiAlign, NonMaxSuppression, AffineGrid, ...
std::span<const OpDef> recurrent_ops();     // recurrent.cc: LSTM, GRU, RNN
std::span<const OpDef> quantized_ops();     // quantized.cc: QuantizeLinear, DequantizeLinear, QLinear*, *Integer
std::span<const OpDef> signal_ops();        // signal.cc: DFT, STFT, windows, MelWeightMatrix
std::span<const OpDef> control_ops();       // control.cc: If, Loop, Scan (run by engine/, not by kernels)
std::span<const OpDef> attention_ops();     // attention.cc: Attention, RotaryEmbedding and the transformer operators
std::span<const OpDef> classic_ops();       // classic.cc: trees, class scores, lookups (what ai.onnx.ml becomes)
std::span<const OpDef> custom_ops();        // custom.cc: tercel.Custom, which stands for operators that users bring
std::span<const OpDef> fused_ops();         // fused.cc: tercel.* operators, made by passes only

}  // namespace tercel::ops
