#pragma once

#include "graph/graph.h"

// The functions of the passes, one a file; pipeline.cc lists them in order with what they do. Each runs on every graph of
// the model, needs inferred shapes, and returns the number of changes.
namespace tercel::passes {

Result<int> fold_constants(graph::Model& model);
Result<int> trace_shapes(graph::Model& model);
Result<int> remove_identities(graph::Model& model);
Result<int> remove_dead(graph::Model& model);
Result<int> merge_duplicates(graph::Model& model);
Result<int> lower_dense(graph::Model& model);
Result<int> fold_batch_norm(graph::Model& model);
Result<int> recognise_normalization(graph::Model& model);
Result<int> recognise_activations(graph::Model& model);
Result<int> recognise_softmax(graph::Model& model);
Result<int> fold_affine(graph::Model& model);
Result<int> fuse_attention(graph::Model& model);
Result<int> lower_matmul(graph::Model& model);
Result<int> fuse_skip_layer_norm(graph::Model& model);
Result<int> fold_pads(graph::Model& model);
Result<int> channels_last(graph::Model& model);
Result<int> fuse_epilogues(graph::Model& model);
Result<int> fuse_elementwise(graph::Model& model);
Result<int> finish(graph::Model& model);

}  // namespace tercel::passes
