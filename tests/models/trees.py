"""Tree ensembles: complete random trees, as scikit-learn's and XGBoost's converters write them (ai.onnx.ml)."""
import numpy as np

FEATURES = 30


def regressor(b, trees, depth):
    """The sum of `trees` complete trees with `depth` comparisons to each leaf."""
    inner, total = 2**depth - 1, 2 ** (depth + 1) - 1
    node, tree = np.tile(np.arange(total), trees), np.repeat(np.arange(trees), total)
    branch = node < inner
    thresholds = np.where(branch, b.random.normal(size=node.size), 0).astype(np.float32)
    b.opsets["ai.onnx.ml"] = 3
    y = b.node("TreeEnsembleRegressor", [b.input("x", ["batch", FEATURES])], domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
               nodes_treeids=tree.tolist(), nodes_nodeids=node.tolist(), nodes_values=thresholds.tolist(),
               nodes_featureids=np.where(branch, b.random.integers(0, FEATURES, node.size), 0).tolist(),
               nodes_modes=np.where(branch, "BRANCH_LEQ", "LEAF").tolist(),
               nodes_truenodeids=np.where(branch, 2 * node + 1, 0).tolist(), nodes_falsenodeids=np.where(branch, 2 * node + 2, 0).tolist(),
               target_treeids=tree[~branch].tolist(), target_nodeids=node[~branch].tolist(), target_ids=[0] * int((~branch).sum()),
               target_weights=b.random.normal(0, 1 / trees, int((~branch).sum())).astype(np.float32).tolist())
    b.output(b.node("Identity", [y]), ["batch", 1])
