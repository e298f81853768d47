#!/usr/bin/env python3
"""Makes the ONNX models that the end-to-end tests and bench/http serve, as a model repository.

    make_models.py FOLDER [--compile TERCEL]

With --compile each model.onnx becomes a model.plan, so that tercel-serve, which has no compiler, can serve it.
"""
import argparse
import pathlib
import subprocess

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DTYPES = {
    "fp32": TensorProto.FLOAT, "fp64": TensorProto.DOUBLE, "fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16,
    "int8": TensorProto.INT8, "int16": TensorProto.INT16, "int32": TensorProto.INT32, "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8, "uint16": TensorProto.UINT16, "uint32": TensorProto.UINT32, "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
}


def model(name, nodes, inputs, outputs, constants=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, [numpy_helper.from_array(value, key) for key, value in constants])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(made)
    return made


def identity(dtype):
    """y = x, for any batch of four elements."""
    value = helper.make_tensor_value_info
    return model("identity", [helper.make_node("Identity", ["x"], ["y"])],
                 [value("x", dtype, ["batch", 4])], [value("y", dtype, ["batch", 4])])


def simple():
    """Triton's example: the sum and the difference of two rows of 16 integers."""
    value = helper.make_tensor_value_info
    row = lambda name: value(name, TensorProto.INT32, [1, 16])
    return model("simple", [helper.make_node("Add", ["INPUT0", "INPUT1"], ["OUTPUT0"]),
                            helper.make_node("Sub", ["INPUT0", "INPUT1"], ["OUTPUT1"])],
                 [row("INPUT0"), row("INPUT1")], [row("OUTPUT0"), row("OUTPUT1")])


def mlp():
    """784 floats to 10, one small hidden layer: negligible compute."""
    random = np.random.default_rng(7)
    value = helper.make_tensor_value_info
    constants = [("w1", random.standard_normal((784, 32), np.float32) * 0.05), ("b1", np.zeros(32, np.float32)),
                 ("w2", random.standard_normal((32, 10), np.float32) * 0.2), ("b2", np.zeros(10, np.float32))]
    nodes = [helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]), helper.make_node("Relu", ["h"], ["r"]),
             helper.make_node("Gemm", ["r", "w2", "b2"], ["y"])]
    return model("mlp", nodes, [value("x", TensorProto.FLOAT, [1, 784])], [value("y", TensorProto.FLOAT, [1, 10])], constants)


def reduce():
    """The mean of each channel of an image: 602 KB in, 12 bytes out."""
    value = helper.make_tensor_value_info
    return model("reduce", [helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0)],
                 [value("x", TensorProto.FLOAT, [1, 3, 224, 224])], [value("y", TensorProto.FLOAT, [1, 3])],
                 [("axes", np.array([2, 3], np.int64))])


def nonzero():
    """An output whose size depends on the data."""
    value = helper.make_tensor_value_info
    return model("nonzero", [helper.make_node("NonZero", ["x"], ["y"])],
                 [value("x", TensorProto.FLOAT, [8])], [value("y", TensorProto.INT64, [1, None])])


def pick():
    """Rows of a table of ten, by number; numbers beyond them mean the nearest row."""
    value = helper.make_tensor_value_info
    table = np.arange(10, dtype=np.float32)[:, None].repeat(4, 1)
    return model("pick", [helper.make_node("Gather", ["table", "x"], ["y"], axis=0)],
                 [value("x", TensorProto.INT64, ["batch"])], [value("y", TensorProto.FLOAT, ["batch", 4])], [("table", table)])


def deep(products=60, output="h60"):
    """A chain of matrix products that takes milliseconds, for queues."""
    value = helper.make_tensor_value_info
    weights = np.full((512, 512), 1 / 512, np.float32)
    names = [f"h{i}" for i in range(products)] + [output]
    nodes = [helper.make_node("MatMul", [names[i], "w"], [names[i + 1]]) for i in range(products)]
    return model("deep", nodes, [value("h0", TensorProto.FLOAT, [256, 512])], [value(output, TensorProto.FLOAT, [256, 512])], [("w", weights)])


def compile_in_place(folder, name, tercel):
    subprocess.run([tercel, "compile", folder / f"{name}.onnx", "-o", folder / f"{name}.plan", "--tune-budget", "2", "--quiet"], check=True)
    (folder / f"{name}.onnx").unlink()


def write_ladder(repository, name, variants, tercel):
    """`variants`: name, accuracy and model of each."""
    folder = repository / name / "1/variants"
    folder.mkdir(parents=True, exist_ok=True)
    text = ""
    for variant, accuracy, made in variants:
        onnx.save(made, folder / f"{variant}.onnx")
        if tercel:
            compile_in_place(folder, variant, tercel)
        text += f'[[variant]]\nname = "{variant}"\naccuracy = {accuracy}\n'
    (repository / name / "1/ladder.toml").write_text(text)
    # The times that the server tells are those of one thread.
    (repository / name / "model.toml").write_text("[instances]\nthreads = 1\n")


def write(repository, name, made, tercel, version=1, settings=""):
    folder = repository / name / str(version)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(made, folder / "model.onnx")
    if settings:
        (repository / name / "model.toml").write_text(settings)
    if tercel:
        compile_in_place(folder, "model", tercel)


def make(repository, tercel=None):
    repository = pathlib.Path(repository)
    for name, dtype in DTYPES.items():
        write(repository, f"identity_{name}", identity(dtype), tercel)
    write(repository, "simple", simple(), tercel)
    write(repository, "mlp", mlp(), tercel)
    write(repository, "reduce", reduce(), tercel, settings="queue_max = 100_000\n")
    write(repository, "nonzero", nonzero(), tercel)
    write(repository, "pick", pick(), tercel)
    write(repository, "deep", deep(), tercel, settings="queue_max = 2\n")
    write_ladder(repository, "ladder", [("short", 0.9, deep(2)), ("long", 0.98, deep())], tercel)
    for version in (1, 3):
        write(repository, "versions", identity(TensorProto.FLOAT), tercel, version, "versions = 'all'\n")
    broken = repository / "broken/1"
    broken.mkdir(parents=True, exist_ok=True)
    (broken / "model.plan").write_bytes(b"TERCEL, but not for long")
    (repository / "misspelt/1").mkdir(parents=True, exist_ok=True)
    (repository / "misspelt/model.toml").write_text("\ninstnaces = 2\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--compile", metavar="TERCEL")
    arguments = parser.parse_args()
    make(arguments.folder, arguments.compile)
