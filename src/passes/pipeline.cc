#include "passes/pipeline.h"

#include <algorithm>

#include "passes/passes.h"
#include "platform/clock.h"

namespace tercel::passes {

namespace {

constexpr Pass kPasses[] = {
    {"fold-constants", "Computes what depends on constants only, and what is known of shapes.", fold_constants},
    {"trace-shapes", "Reads extents from the graph inputs instead of from activations.", trace_shapes},
    {"remove-identities", "Removes operators that pass their input on, joins chains of Reshape and Transpose.",
     remove_identities},
    {"remove-dead", "Removes what no output depends on.", remove_dead},
    {"merge-duplicates", "Computes equal expressions once.", merge_duplicates},
    {"lower-dense", "Turns MatMul and Gemm with constant weights into tercel.Dense.", lower_dense},
    {"fold-batch-norm", "Folds BatchNormalization into the weights beside it, or makes it a multiply and an add.",
     fold_batch_norm},
    {"recognise-normalization", "Finds LayerNormalization and RMSNormalization in their primitive operators.",
     recognise_normalization},
    {"recognise-activations", "Finds Gelu, Swish, HardSigmoid and HardSwish in their primitive operators.",
     recognise_activations},
    {"recognise-softmax", "Finds Softmax in its primitive operators.", recognise_softmax},
    {"fold-affine", "Folds constant multiplies and adds into the weights before them.", fold_affine},
    {"fuse-attention", "Joins the operators of multi-head attention into tercel.Attention.", fuse_attention},
    {"lower-matmul", "Turns MatMul into tercel.MatMul, which absorbs transposes and scales.", lower_matmul},
    {"fuse-skip-layer-norm", "Joins a residual Add and the LayerNormalization after it.", fuse_skip_layer_norm},
    {"fold-pads", "Moves a Pad with zeros into the Conv after it.", fold_pads},
    {"channels-last", "Gives convolutions and what surrounds them the layout N, spatial, C.", channels_last},
    {"fuse-epilogues", "Moves bias, residual and activation into the Conv or tercel.Dense before them.", fuse_epilogues},
    {"fuse-elementwise", "Joins neighbouring elementwise operators into one.", fuse_elementwise},
    {"finish", "Drops unused values and sorts the nodes.", finish},
};

Result<void> check_name(const std::string& name) {
  std::string valid;
  for (const Pass& pass : kPasses) {
    if (pass.name == name) return {};
    valid += (valid.empty() ? "" : ", ") + std::string(pass.name);
  }
  return not_found("there is no pass '" + name + "'; the passes are " + valid);
}

}  // namespace

Result<PassReport> run_pass(const Pass& pass, graph::Model& model) {
  const int64_t start_ns = platform::now_ns();
  const auto run = [&]() -> Result<int> {
    const int changes = TRY(pass.run(model));
    if (changes == 0) return 0;
    TRY(graph::verify(model));
    TRY(graph::infer_shapes(model));
    return changes;
  };
  const auto changes = run();
  if (!changes) return changes.error().within("pass " + std::string(pass.name));
  return PassReport{pass.name, *changes, static_cast<double>(platform::now_ns() - start_ns) * 1e-6};
}

std::span<const Pass> all_passes() { return kPasses; }

Result<PipelineReport> run_passes(graph::Model& model, const PassOptions& options) {
  for (const std::string& name : options.disabled) TRY(check_name(name));
  if (!options.dump_after.empty()) TRY(check_name(options.dump_after));
  TRY(graph::verify(model));
  TRY(graph::infer_shapes(model));
  PipelineReport report;
  for (const Pass& pass : kPasses) {
    const bool disabled = std::find(options.disabled.begin(), options.disabled.end(), pass.name) != options.disabled.end();
    if (!disabled) report.passes.push_back(TRY(run_pass(pass, model)));
    if (pass.name == options.dump_after && options.dump) options.dump(model);
  }
  return report;
}

}  // namespace tercel::passes
