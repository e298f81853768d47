"""Real architectures with random weights, generated: what whole-model tests and benchmarks run.

    build/venv/bin/python tests/models/zoo.py FOLDER [NAME...]
"""
import dataclasses
import pathlib
import sys

import numpy as np

import trees
from builder import Builder


def resnet(b, blocks, bottleneck):
    x = b.input("data", ["batch", 3, 224, 224])
    x = b.conv_bn(x, 3, 64, 7, 2)
    x = b.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels, expansion = 64, 4 if bottleneck else 1
    for stage, count in enumerate(blocks):
        width = 64 << stage
        for i in range(count):
            stride = 2 if stage and not i else 1
            shortcut = x if channels == width * expansion and stride == 1 else b.conv_bn(x, channels, width * expansion, 1, stride, activation=None)
            if bottleneck:
                y = b.conv_bn(b.conv_bn(x, channels, width, 1), width, width, 3, stride)
                y = b.conv_bn(y, width, width * 4, 1, activation=None, scale=0.3)
            else:
                y = b.conv_bn(b.conv_bn(x, channels, width, 3, stride), width, width, 3, activation=None, scale=0.3)
            channels = width * expansion
            x = b.node("Relu", [b.node("Add", [y, shortcut])])
    x = b.node("Flatten", [b.node("GlobalAveragePool", [x])])
    b.output(b.gemm(x, channels, 1000), ["batch", 1000])


def resnet18(b):
    resnet(b, (2, 2, 2, 2), False)


def resnet50(b):
    resnet(b, (3, 4, 6, 3), True)


def mobilenet_v2(b):
    x = b.conv_bn(b.input("data", ["batch", 3, 224, 224]), 3, 32, 3, 2, activation="relu6")
    channels = 32
    for expand, outputs, count, first_stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(count):
            stride, width = first_stride if i == 0 else 1, channels * expand
            y = b.conv_bn(x, channels, width, 1, activation="relu6") if expand > 1 else x
            y = b.conv_bn(y, width, width, 3, stride, group=width, activation="relu6")
            y = b.conv_bn(y, width, outputs, 1, activation=None, scale=0.5)
            x = b.node("Add", [x, y]) if stride == 1 and channels == outputs else y
            channels = outputs
    x = b.conv_bn(x, channels, 1280, 1, activation="relu6")
    b.output(b.gemm(b.node("Flatten", [b.node("GlobalAveragePool", [x])]), 1280, 1000), ["batch", 1000])


def encoder(b, layers, hidden, heads, vocabulary=8192):
    """A BERT-like encoder as PyTorch exports it: dynamic batch and sequence, shapes computed in the graph."""
    ids = b.input("input_ids", ["batch", "sequence"], np.int64)
    mask = b.input("attention_mask", ["batch", "sequence"], np.int64)
    shape = b.node("Shape", [ids])
    batch, length = (b.node("Gather", [shape, b.constant(np.array(i, np.int64))], axis=0) for i in (0, 1))
    positions = b.node("Slice", [b.constant(np.arange(512, dtype=np.int64)[None], "positions"), b.ints(0), b.node("Unsqueeze", [length, b.ints(0)]), b.ints(1)])
    words = b.node("Gather", [b.weight((vocabulary, hidden), 1, 0.05), ids])
    x = b.node("Add", [words, b.node("Gather", [b.weight((512, hidden), 1, 0.05), positions])])
    x = b.layer_norm(x, hidden)
    wide_mask = b.node("Cast", [b.node("Unsqueeze", [mask, b.ints(1, 2)])], to=1)
    bias = b.node("Mul", [b.node("Sub", [b.scalar(1), wide_mask]), b.scalar(-10000)])
    head_shape = b.node("Concat", [b.node("Unsqueeze", [batch, b.ints(0)]), b.node("Unsqueeze", [length, b.ints(0)]), b.ints(heads), b.ints(hidden // heads)], axis=0)
    flat_shape = b.node("Concat", [b.node("Unsqueeze", [batch, b.ints(0)]), b.node("Unsqueeze", [length, b.ints(0)]), b.ints(hidden)], axis=0)
    for _ in range(layers):
        q, k, v = (b.node("Reshape", [b.dense(x, hidden, hidden), head_shape]) for _ in range(3))
        q, v = (b.node("Transpose", [t], perm=[0, 2, 1, 3]) for t in (q, v))
        scores = b.node("MatMul", [q, b.node("Transpose", [k], perm=[0, 2, 3, 1])])
        scores = b.node("Add", [b.node("Div", [scores, b.scalar(np.sqrt(hidden // heads))]), bias])
        context = b.node("Transpose", [b.node("MatMul", [b.node("Softmax", [scores], axis=-1), v])], perm=[0, 2, 1, 3])
        x = b.layer_norm(b.node("Add", [b.dense(b.node("Reshape", [context, flat_shape]), hidden, hidden), x]), hidden)
        x = b.layer_norm(b.node("Add", [b.dense(b.gelu(b.dense(x, hidden, 4 * hidden)), 4 * hidden, hidden), x]), hidden)
    b.output(b.node("Identity", [x]), ["batch", "sequence", hidden])


def bert_mini(b):
    encoder(b, 4, 256, 4)


def minilm_l6(b):
    encoder(b, 6, 384, 12)


def dlrm(b):
    """Bottom MLP on dense features, embedding rows by id, pairwise products, top MLP."""
    size, tables, rows = 32, 8, 20000
    dense = b.input("dense", ["batch", 13])
    ids = b.input("ids", ["batch", tables], np.int64)
    bottom = b.gemm(b.gemm(dense, 13, 64, "Relu"), 64, size, "Relu")
    columns = b.node("Split", [ids], outputs=tables, axis=1)
    features = [b.node("Unsqueeze", [bottom, b.ints(1)])]
    features += [b.node("Gather", [b.weight((rows, size), 1, 0.05), column], axis=0) for column in columns]
    stacked = b.node("Concat", features, axis=1)
    products = b.node("MatMul", [stacked, b.node("Transpose", [stacked], perm=[0, 2, 1])])
    joined = b.node("Concat", [bottom, b.node("Flatten", [products])], axis=1)
    x = b.gemm(b.gemm(joined, size + (tables + 1) ** 2, 128, "Relu"), 128, 64, "Relu")
    b.output(b.node("Sigmoid", [b.gemm(x, 64, 1)]), ["batch", 1])


def ds_cnn(b):
    """The keyword spotter of the tiny benchmarks: 49x10 features, depthwise-separable blocks."""
    x = b.input("features", ["batch", 1, 49, 10])
    x = b.node("Conv", [x, b.weight((64, 1, 10, 4), 40)], kernel_shape=[10, 4], strides=[2, 2], pads=[4, 1, 5, 2])
    x = b.node("Relu", [b.batch_norm(x, 64)])
    for _ in range(4):
        x = b.conv_bn(b.conv_bn(x, 64, 64, 3, group=64), 64, 64, 1)
    b.output(b.node("Softmax", [b.gemm(b.node("Flatten", [b.node("GlobalAveragePool", [x])]), 64, 12)], axis=-1), ["batch", 12])


def recurrent(b, op, gates):
    size, hidden = 40, 64
    x = b.node("Transpose", [b.input("x", ["batch", "sequence", size])], perm=[1, 0, 2])
    for inputs in (size, 2 * hidden):
        y = b.node(op, [x, b.weight((2, gates * hidden, inputs), inputs, 1.0), b.weight((2, gates * hidden, hidden), hidden, 1.0),
                        b.vector((2, 2 * gates * hidden))], hidden_size=hidden, direction="bidirectional")
        x = b.node("Reshape", [b.node("Transpose", [y], perm=[0, 2, 1, 3]), b.ints(0, 0, 2 * hidden)])
    b.output(b.node("Transpose", [b.dense(x, 2 * hidden, 10)], perm=[1, 0, 2]), ["batch", "sequence", 10])


def lstm(b):
    recurrent(b, "LSTM", 4)


def gru(b):
    recurrent(b, "GRU", 3)


def mlp(b, sizes):
    x = b.input("x", ["batch", sizes[0]])
    for inputs, outputs in zip(sizes, sizes[1:]):
        x = b.gemm(x, inputs, outputs, "Relu" if outputs != sizes[-1] else None)
    b.output(b.node("Identity", [x]), ["batch", sizes[-1]])


def mlp_wide(b):
    mlp(b, (1024, 2048, 2048, 512))


def mlp_784(b):
    mlp(b, (784, 64, 64, 10))


def mlp_100(b):
    mlp(b, (100, 128, 10))


def linear_regression(b):
    mlp(b, (30, 1))


def trees_100(b):
    trees.regressor(b, 100, 6)


def trees_1000(b):
    trees.regressor(b, 1000, 8)


@dataclasses.dataclass
class Model:
    name: str
    build: object
    profile: str          # shapes the plan accepts
    cases: list           # extents of (batch, sequence) that tests run
    tolerance: float      # of the largest magnitude
    shape: object         # (batch, sequence) -> {input: shape}
    rows: int = 2         # integer inputs are below this


def images(batch, _):
    return {"data": (batch, 3, 224, 224)}


def tokens(batch, sequence):
    return {"input_ids": (batch, sequence), "attention_mask": (batch, sequence)}


IMAGES, TOKENS = "data=1..8x3x224x224", "input_ids=1..8x1..128,attention_mask=1..8x1..128"
BATCHES = [(1, 0), (3, 0), (8, 0)]
SEQUENCES = [(1, 128), (3, 17), (8, 1), (1, 1)]

ZOO = [
    Model("resnet18", resnet18, IMAGES, BATCHES, 1e-4, images),
    Model("resnet50", resnet50, IMAGES, BATCHES, 1e-3, images),
    Model("mobilenet_v2", mobilenet_v2, IMAGES, BATCHES, 1e-3, images),
    Model("bert_mini", bert_mini, TOKENS, SEQUENCES, 1e-4, tokens, 8192),
    Model("minilm_l6", minilm_l6, TOKENS, SEQUENCES, 1e-4, tokens, 8192),
    Model("dlrm", dlrm, "dense=1..8x13,ids=1..8x8", BATCHES, 1e-4, lambda n, _: {"dense": (n, 13), "ids": (n, 8)}, 20000),
    Model("ds_cnn", ds_cnn, "features=1..8x1x49x10", BATCHES, 1e-4, lambda n, _: {"features": (n, 1, 49, 10)}),
    Model("lstm", lstm, "x=1..8x1..128x40", SEQUENCES, 1e-4, lambda n, t: {"x": (n, t, 40)}),
    Model("gru", gru, "x=1..8x1..128x40", SEQUENCES, 1e-4, lambda n, t: {"x": (n, t, 40)}),
    Model("mlp_wide", mlp_wide, "x=1..8x1024", BATCHES, 1e-4, lambda n, _: {"x": (n, 1024)}),
    Model("mlp_784", mlp_784, "x=1..8x784", BATCHES, 1e-4, lambda n, _: {"x": (n, 784)}),
    Model("mlp_100", mlp_100, "x=1..8x100", BATCHES, 1e-4, lambda n, _: {"x": (n, 100)}),
    Model("linear_regression", linear_regression, "x=1..128x30", BATCHES, 1e-4, lambda n, _: {"x": (n, 30)}),
]

# Compared in bench/peers/ only: an engine that refuses one says so there.
TREES = [Model(build.__name__, build, "x=1..128x30", BATCHES, 1e-5, lambda n, _: {"x": (n, trees.FEATURES)}) for build in (trees_100, trees_1000)]


def write(model, folder):
    """The model's file, made unless it is there already."""
    path = pathlib.Path(folder) / f"{model.name}.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        builder = Builder(model.name)
        model.build(builder)
        builder.save(path)
    return path


def random_inputs(model, batch, sequence, random):
    """Normal floats; ids below `rows`; masks of ones with a padded tail in every second row."""
    inputs = {}
    for name, shape in model.shape(batch, sequence).items():
        if "mask" in name:
            value = np.ones(shape, np.int64)
            value[1::2, shape[1] // 2 + 1:] = 0
        elif "ids" in name:
            value = random.integers(0, model.rows, shape)
        else:
            value = random.normal(size=shape).astype(np.float32)
        inputs[name] = value
    return inputs


if __name__ == "__main__":
    for entry in ZOO + TREES:
        if len(sys.argv) < 3 or entry.name in sys.argv[2:]:
            print(write(entry, sys.argv[1]))
