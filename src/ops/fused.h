#pragma once

// The operators that only Tercel's passes make, and the attributes they add to ONNX operators. This page is their contract;
// shape rules are in fused.cc and matrix.cc, reference kernels in kernels/ref/fused.cc and matrix.cc.
//
// tercel.Dense     inputs X [..., K], W (constant, [K, N], or [N, K] with transB=1), optional bias [N], optional residual
//                  (exactly the output's shape). output [..., N] = act(X W + bias + residual). float32 (and float64 in ref).
//                  attributes: transB, activation, activation_alpha, activation_beta (ops/activation.h).
// Conv             as ONNX, and: input 3 = optional residual of the output's shape, added before the activation;
//                  attributes activation*; channels_last=1: X and Y (and residual) are [N, spatial..., C], W stays [O, I/group, k...].
// ConvTranspose, MaxPool, AveragePool, LpPool, GlobalAveragePool, GlobalMaxPool, GlobalLpPool
//                  as ONNX, and channels_last=1.
// tercel.MatMul    as ONNX MatMul on float32, and: transA, transB (swap the last two extents of A / B), alpha (scales the product).
// tercel.Attention inputs Q [B, S, H*D], K [B, T, H*D], V [B, T, H*E], optional additive mask broadcastable to [B, H, S, T].
//                  output [B, S, H*E] = concat over heads of softmax(scale * Q_h K_h^T + mask) V_h.
//                  attributes: num_heads (H), scale.
// tercel.FusedElementwise   1..8 float32 inputs that broadcast; output = program (ops/elementwise_program.h) per element.
// LayerNormalization, SkipLayerNormalization
//                  tercel.SkipLayerNormalization: inputs X, residual (X's shape), scale [C], bias [C]; normalises X + residual
//                  over the last axis; outputs Y and, when wanted, the sum X + residual. attribute epsilon.
