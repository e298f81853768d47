#pragma once

#include "onnx/node_context.h"

// Rewrites of ONNX operators whose older forms differ from the newest one, and of those that Tercel has no operator of
// its own for. Each takes the node as the file has it and makes Tercel nodes through the context.
namespace tercel::onnx {

// adapt_inputs.cc: attributes that became inputs.
Result<void> adapt_reduce(NodeContext&);   // axes
Result<void> adapt_squeeze(NodeContext&);  // axes; Unsqueeze too
Result<void> adapt_split(NodeContext&);    // split, num_outputs
Result<void> adapt_slice(NodeContext&);    // starts, ends, axes
Result<void> adapt_pad(NodeContext&);      // pads, value
Result<void> adapt_top_k(NodeContext&);    // k
Result<void> adapt_clip(NodeContext&);     // min, max
Result<void> adapt_dft(NodeContext&);      // axis

// adapt_normalization.cc
Result<void> adapt_softmax(NodeContext&);  // over all axes from `axis` on, before opset 13; LogSoftmax and Hardmax too
Result<void> adapt_batch_normalization(NodeContext&);
Result<void> adapt_group_normalization(NodeContext&);
Result<void> adapt_dropout(NodeContext&);

// adapt_image.cc
Result<void> adapt_upsample(NodeContext&);
Result<void> adapt_resize(NodeContext&);
Result<void> adapt_grid_sample(NodeContext&);
Result<void> adapt_roi_align(NodeContext&);

// adapt_loss.cc
Result<void> adapt_negative_log_likelihood(NodeContext&);
Result<void> adapt_cross_entropy(NodeContext&);

// adapt_microsoft.cc
Result<void> adapt_fast_gelu(NodeContext&);
Result<void> adapt_bias_gelu(NodeContext&);
Result<void> adapt_quick_gelu(NodeContext&);
Result<void> adapt_skip_layer_normalization(NodeContext&);
Result<void> adapt_fused_mat_mul(NodeContext&);
Result<void> adapt_fused_conv(NodeContext&);

// adapt_trees.cc, of ai.onnx.ml as all that follow
Result<void> adapt_tree_classifier(NodeContext&);
Result<void> adapt_tree_regressor(NodeContext&);
Result<void> adapt_tree_ensemble(NodeContext&);

// adapt_linear.cc
Result<void> adapt_linear_classifier(NodeContext&);
Result<void> adapt_linear_regressor(NodeContext&);

// adapt_svm.cc
Result<void> adapt_svm_classifier(NodeContext&);
Result<void> adapt_svm_regressor(NodeContext&);

// adapt_features.cc
Result<void> adapt_array_feature_extractor(NodeContext&);
Result<void> adapt_binarizer(NodeContext&);
Result<void> adapt_feature_vectorizer(NodeContext&);
Result<void> adapt_imputer(NodeContext&);
Result<void> adapt_label_encoder(NodeContext&);
Result<void> adapt_normalizer(NodeContext&);
Result<void> adapt_one_hot_encoder(NodeContext&);
Result<void> adapt_scaler(NodeContext&);

}  // namespace tercel::onnx
