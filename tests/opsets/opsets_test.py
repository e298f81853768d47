#!/usr/bin/env python3
"""Older and foreign forms of operators against ONNX Runtime: what the importer rewrites must compute the same.

    opsets_test.py --tercel build/release/tercel [SUBSTRING]

One small model a case, at the opset that has the form. Ends with 'N passed, N failed'.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(20)
F = np.float32


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(F)


def case(op, opset, inputs, outputs=1, constants=None, domain="", **attributes):
    """A one-node model. `inputs`: arrays that are fed; None is an absent input. `constants`: position -> initializer."""
    constants = constants or {}
    names, fed, initializers = [], {}, []
    for i in range(max([len(inputs), *(k + 1 for k in constants)])):
        if i in constants:
            names.append(f"c{i}")
            initializers.append(numpy_helper.from_array(np.asarray(constants[i]), f"c{i}"))
        elif inputs[i] is None:
            names.append("")
        else:
            names.append(f"x{i}")
            fed[f"x{i}"] = inputs[i]
    node = helper.make_node(op, names, [f"y{i}" for i in range(outputs)], domain=domain, **attributes)
    return [node], opset, fed, initializers, [f"y{i}" for i in range(outputs)], ()


def graph_case(nodes, opset, fed, outputs, initializers=(), functions=()):
    return nodes, opset, fed, [numpy_helper.from_array(np.asarray(v), k) for k, v in dict(initializers).items()], outputs, functions


def subgraph(nodes, inputs, outputs):
    def info(name, kind):
        return helper.make_tensor_value_info(name, kind, None if kind == FLOAT else [])
    return helper.make_graph(nodes, "sub", [info(*i) for i in inputs], [info(*o) for o in outputs])


X3, IMAGE = floats(2, 3, 4), floats(1, 2, 4, 5)
FLOAT, BOOL, INT64 = TensorProto.FLOAT, TensorProto.BOOL, TensorProto.INT64


def norm_cases():
    scale, shift, mean, variance = floats(2), floats(2), floats(2), np.abs(floats(2)) + F(1)
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        for axis in (0, 1, 2):
            yield f"{op}-7 axis {axis}", case(op, 7, [X3], axis=axis)
        yield f"{op}-11 axis -2", case(op, 11, [X3], axis=-2)
        yield f"{op}-11 default", case(op, 11, [X3])
    for opset in (7, 9, 14):
        yield f"BatchNormalization-{opset}", case("BatchNormalization", opset, [IMAGE, scale, shift, mean, variance], epsilon=1e-3)
    yield "GroupNormalization-18", case("GroupNormalization", 18, [floats(2, 4, 3), floats(2), floats(2)], num_groups=2)
    yield "Dropout-7", case("Dropout", 7, [X3], ratio=0.4)
    yield "Dropout-12 mask", case("Dropout", 12, [X3], outputs=2, constants={1: F(0.4)})  # before 12, no one says what it holds
    yield "Dropout-12", case("Dropout", 12, [X3], constants={1: F(0.5)})
    yield "InstanceNormalization-7", case("InstanceNormalization", 7, [IMAGE, scale, shift])
    yield "LRN-7", case("LRN", 7, [IMAGE], size=3)


def attribute_cases():
    for op in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"):
        x = np.abs(X3) + F(0.1) if op == "LogSum" else X3
        yield f"Reduce{op}-7 axes", case(f"Reduce{op}", 7, [x], axes=[0, 2])
        yield f"Reduce{op}-11 all", case(f"Reduce{op}", 11, [x], keepdims=0)
        yield f"Reduce{op}-13", case(f"Reduce{op}", 13, [x], **({} if op == "Sum" else {"axes": [-1]}))
    yield "Unsqueeze-7", case("Unsqueeze", 7, [X3], axes=[0, 2])
    yield "Squeeze-7", case("Squeeze", 7, [floats(1, 3, 1)], axes=[0])
    yield "Squeeze-11 all", case("Squeeze", 11, [floats(1, 3, 1)])
    yield "Split-7", case("Split", 7, [X3], outputs=2, axis=1, split=[1, 2])
    yield "Split-11 even", case("Split", 11, [X3], outputs=2, axis=2)
    yield "Split-13 even", case("Split", 13, [X3], outputs=2, axis=2)
    yield "Split-18 uneven", case("Split", 18, [X3], outputs=2, axis=1, num_outputs=2)
    yield "Slice-7", case("Slice", 7, [X3], starts=[1, -3], ends=[2, 1000], axes=[1, 2])
    yield "Slice-7 no axes", case("Slice", 7, [X3], starts=[0, 1], ends=[1, 3])
    for mode in ("constant", "reflect", "edge"):
        yield f"Pad-7 {mode}", case("Pad", 7, [X3], mode=mode, pads=[0, 1, 1, 0, 0, 2], value=1.5)
    yield "TopK-7", case("TopK", 7, [X3], outputs=2, k=2, axis=1)
    yield "TopK-10", case("TopK", 10, [X3], outputs=2, constants={1: np.array([2])})
    yield "Clip-7 both", case("Clip", 7, [X3], min=-0.5, max=0.5)
    yield "Clip-7 max", case("Clip", 7, [X3], max=0.25)
    yield "DFT-17", case("DFT", 17, [floats(1, 8, 1)], axis=1)
    yield "ArgMax-7", case("ArgMax", 7, [X3], axis=1, keepdims=0)
    yield "Cast-7", case("Cast", 7, [X3 * 10], to=TensorProto.INT32)
    yield "Gemm-7", case("Gemm", 7, [floats(2, 3), floats(4, 3), floats(4)], transB=1, alpha=0.5, beta=2.0)
    yield "PRelu-7", case("PRelu", 7, [X3, floats(4)])
    yield "Concat-7", case("Concat", 7, [X3, X3], axis=-1 + 3)
    yield "Scatter-9", case("Scatter", 9, [X3, np.array([[[0, 1, 0, 1]]]), floats(1, 1, 4)], axis=0)


def image_cases():
    up = np.array([1, 1, 2, 3], F)
    for mode in ("nearest", "linear"):
        yield f"Upsample-7 {mode}", case("Upsample", 7, [IMAGE], scales=up.tolist(), mode=mode)
        yield f"Upsample-9 {mode}", case("Upsample", 9, [IMAGE], constants={1: up}, mode=mode)
        yield f"Resize-10 {mode}", case("Resize", 10, [IMAGE], constants={1: up}, mode=mode)
        yield f"Resize-10 {mode} down", case("Resize", 10, [IMAGE], constants={1: np.array([1, 1, 0.5, 0.6], F)}, mode=mode)
        yield f"Resize-11 {mode} sizes", case("Resize", 11, [IMAGE], mode=mode,
            constants={1: np.zeros(0, F), 2: np.zeros(0, F), 3: np.array([1, 2, 7, 6])})
    rois, batch = np.array([[0, 0, 3, 3], [1, 0, 4, 2]], F), np.array([0, 0])
    yield "RoiAlign-10", case("RoiAlign", 10, [IMAGE, rois, batch], output_height=2, output_width=2, sampling_ratio=2)
    for mode in ("bilinear", "nearest", "bicubic"):
        yield f"GridSample-16 {mode}", case("GridSample", 16, [IMAGE, np.tanh(floats(1, 3, 3, 2))], mode=mode)
    for op in ("MaxPool", "AveragePool"):
        yield f"{op}-7", case(op, 7, [IMAGE], kernel_shape=[2, 2], strides=[2, 2], pads=[0, 1, 0, 1])
        yield f"{op}-10 ceil", case(op, 10, [IMAGE], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    yield "Conv-7", case("Conv", 7, [IMAGE, floats(3, 2, 3, 3)], auto_pad="SAME_UPPER", strides=[2, 2])
    yield "ConvTranspose-7", case("ConvTranspose", 7, [IMAGE, floats(2, 3, 3, 3)], strides=[2, 2], output_padding=[1, 1])


def recurrent_cases():
    x = floats(5, 2, 3)
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        yield f"{op}-7", case(op, 7, [x, floats(1, gates * 4, 3), floats(1, gates * 4, 4)], outputs=2, hidden_size=4)


def loss_cases():
    scores, target = floats(3, 5, 2), RANDOM.integers(0, 5, (3, 2))
    weights = np.abs(floats(5))
    for op in ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"):
        for reduction in ("none", "sum", "mean"):
            yield f"{op} {reduction}", case(op, 13, [scores, target], reduction=reduction)
            yield f"{op} {reduction} weights ignore", case(op, 13, [scores, target, weights], reduction=reduction, ignore_index=1)


def microsoft_cases():
    def ms(op, *inputs, **more):
        return case(op, 17, list(inputs), domain="com.microsoft", **more)
    yield "microsoft Gelu", ms("Gelu", X3)
    yield "microsoft FastGelu", ms("FastGelu", X3)
    yield "microsoft FastGelu bias", ms("FastGelu", X3, floats(4))
    yield "microsoft BiasGelu", ms("BiasGelu", X3, floats(4))
    yield "microsoft QuickGelu", ms("QuickGelu", X3)
    yield "microsoft SkipLayerNormalization", ms("SkipLayerNormalization", X3, floats(2, 3, 4), floats(4), floats(4), floats(4), epsilon=1e-5)
    for activation, parameters in (("Relu", []), ("LeakyRelu", [0.1]), ("Clip", [-0.5, 0.5]), ("HardSigmoid", [0.3, 0.4])):
        yield f"microsoft FusedConv {activation}", case("FusedConv", 17, [IMAGE, floats(3, 2, 3, 3), floats(3)], domain="com.microsoft",
            activation=activation, activation_params=parameters or None, pads=[1, 1, 1, 1])
    yield "microsoft FusedMatMul", ms("FusedMatMul", floats(2, 3, 4), floats(2, 5, 4), transB=1, alpha=0.5)


def control_cases():
    node = helper.make_node
    branch = {"then_branch": subgraph([node("Mul", ["x", "x"], ["t"])], [], [("t", FLOAT)]),
              "else_branch": subgraph([node("Neg", ["x"], ["e"])], [], [("e", FLOAT)])}
    for opset in (7, 11, 16):
        for truth in (True, False):
            yield f"If-{opset} {truth}", graph_case([node("If", ["c"], ["y"], **branch)], opset, {"x": X3, "c": np.array(truth)}, ["y"])
    body = subgraph([node("Add", ["s", "x"], ["s2"]), node("Identity", ["go"], ["go2"]), node("Mul", ["s2", "x"], ["out"])],
                    [("i", INT64), ("go", BOOL), ("s", FLOAT)], [("go2", BOOL), ("s2", FLOAT), ("out", FLOAT)])
    for opset in (7, 11, 16):
        yield f"Loop-{opset}", graph_case([node("Loop", ["n", "", "x"], ["last", "all"], body=body)], opset,
                                          {"x": X3, "n": np.array(3)}, ["last", "all"])
    grow = subgraph([node("Concat", ["s", "x"], ["s2"], axis=0), node("Less", ["i", "limit"], ["go2"])],
                    [("i", INT64), ("go", BOOL), ("s", FLOAT)], [("go2", BOOL), ("s2", FLOAT)])
    yield "Loop-13 growing", graph_case([node("Loop", ["", "yes", "x"], ["y"], body=grow)], 13, {"x": X3}, ["y"],
                                        {"yes": np.array(True), "limit": np.array(2)})
    nested = subgraph([node("If", ["go"], ["s2"], then_branch=subgraph([node("Add", ["s", "x"], ["t"])], [], [("t", FLOAT)]),
                            else_branch=subgraph([node("Identity", ["s"], ["e"])], [], [("e", FLOAT)])),
                       node("Less", ["i", "limit"], ["go2"])],
                      [("i", INT64), ("go", BOOL), ("s", FLOAT)], [("go2", BOOL), ("s2", FLOAT)])
    yield "Loop-16 with If", graph_case([node("Loop", ["n", "yes", "x"], ["y"], body=nested)], 16, {"x": X3, "n": np.array(7)}, ["y"],
                                        {"yes": np.array(True), "limit": np.array(2)})
    scan = subgraph([node("Add", ["s", "v"], ["s2"]), node("Mul", ["s2", "w"], ["out"])], [("s", FLOAT), ("v", FLOAT)],
                    [("s2", FLOAT), ("out", FLOAT)])
    for opset in (9, 11, 16):
        yield f"Scan-{opset}", graph_case([node("Scan", ["s0", "x"], ["last", "all"], body=scan, num_scan_inputs=1, scan_input_axes=[1],
                                                scan_output_axes=[1], scan_input_directions=[1])], opset,
                                          {"x": X3, "s0": floats(2, 4), "w": floats(4)}, ["last", "all"])


def function_cases():
    node = helper.make_node
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    power = node("Constant", [], ["p"])
    power.attribute.append(onnx.AttributeProto(name="value_float", type=onnx.AttributeProto.FLOAT, ref_attr_name="by"))
    scale = helper.make_function("local", "Scale", ["a"], ["b"], [power, node("Mul", ["a", "p"], ["b"])], opsets, ["by"])
    twice = helper.make_function("local", "Twice", ["a", "b"], ["c", "a2"],
                                 [node("Scale", ["a"], ["t"], domain="local", by=2.0), node("Scale", ["b"], ["u"], domain="local", by=-0.5),
                                  node("Add", ["t", "u"], ["c"]), node("Identity", ["a"], ["a2"])], opsets)
    yield "functions", graph_case([node("Twice", ["x", "w"], ["h", "k"], domain="local"), node("Twice", ["h", "k"], ["y", "z"], domain="local")],
                                  17, {"x": X3, "w": floats(4)}, ["y", "z"], functions=[scale, twice])


def cases():
    for family in (norm_cases, attribute_cases, image_cases, recurrent_cases, loss_cases, microsoft_cases, control_cases, function_cases):
        yield from family()


def build(nodes, opset, fed, initializers, outputs, functions):
    def info(name, array):
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        return helper.make_tensor_value_info(name, kind, [f"{name}_{i}" for i in range(array.ndim)])
    graph = helper.make_graph(nodes, "case", [info(k, v) for k, v in fed.items()], [onnx.ValueInfoProto(name=o) for o in outputs], initializers)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))


def expected_of(path, fed):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options)
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, fed)))


def check(tercel, parts, work):
    path, given, out = work / "m.onnx", work / "in.npz", work / "out.npz"
    path.write_bytes(build(*parts).SerializeToString())
    fed = parts[2]
    np.savez(given, **fed)
    expected = expected_of(str(path), fed)
    run = subprocess.run([tercel, "run", path, "--input", given, "--output", out, "--quiet"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr.strip()
    with np.load(out) as answers:
        for name, wanted in expected.items():
            got = answers[name]
            assert got.shape == wanted.shape and got.dtype == wanted.dtype, f"{name}: {got.dtype} {got.shape}, expected {wanted.dtype} {wanted.shape}"
            np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5, err_msg=name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tercel", required=True)
    parser.add_argument("only", nargs="?", default="")
    arguments = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for name, parts in cases():
            if arguments.only not in name:
                continue
            try:
                check(arguments.tercel, parts, pathlib.Path(work))
                passed += 1
            except AssertionError as error:
                failed += 1
                print(f"FAIL  {name}: {' '.join(str(error).split())[:300]}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
