#!/usr/bin/env python3
"""Trains an MLP and a small CNN on scikit-learn's handwritten digits and writes them as ONNX, with the data splits.

    build/venv/bin/python examples/digits/train.py [FOLDER]

Writes mlp.onnx, cnn.onnx (BatchNorm, depthwise, residual; batch is dynamic), train.npz and test.npz (x, label). The
results are committed beside this file, so that the demo needs no training. Takes about a minute; the seed is fixed.
"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import layers as nn

SEED, EPOCHS, BATCH, RATE = 7, 40, 64, 2e-3


def splits():
    """The 1,797 images as floats in 0..1, NCHW; a fifth is held out, with the classes in proportion."""
    data = load_digits()
    x = (data.images / 16).astype(np.float32)[:, None]
    return train_test_split(x, data.target.astype(np.int64), test_size=0.2, random_state=SEED, stratify=data.target)


def build_mlp(random):
    return [nn.Dense(random, 64, 128), nn.Relu(), nn.Dense(random, 128, 64), nn.Relu(), nn.Dense(random, 64, 10)]


def build_cnn(random):
    block = [nn.Conv(random, 32, 32, 3), nn.BatchNorm(32), nn.Relu(), nn.Conv(random, 32, 32, 3), nn.BatchNorm(32)]
    return [nn.Conv(random, 1, 16, 3), nn.BatchNorm(16), nn.Relu(),
            nn.Conv(random, 16, 16, 3, depthwise=True), nn.BatchNorm(16), nn.Relu(),
            nn.Conv(random, 16, 32, 1), nn.BatchNorm(32), nn.Relu(),
            nn.Residual(block), nn.GlobalAverage(), nn.Dense(random, 32, 10)]


def shifted(random, images):
    """Each NHWC image moved by up to one pixel: the held-out digits are not better centred than the others."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    offsets = random.integers(0, 3, (len(images), 2))
    return np.stack([p[y:y + 8, x:x + 8] for p, (y, x) in zip(padded, offsets)])


def train(model, x, labels, random, augment):
    steps = 0
    for epoch in range(EPOCHS):
        order = random.permutation(len(x))
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        for start in range(0, len(x) - BATCH + 1, BATCH):
            chosen = order[start:start + BATCH]
            batch = shifted(random, x[chosen]) if augment else x[chosen]
            steps += 1
            nn.train_step(model, batch, labels[chosen], rate, steps)


class OnnxWriter:
    """Nodes and constants in the order the layers are walked."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def node(self, op, inputs, **attributes):
        self.count += 1
        output = f"{op.lower()}_{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def layer(self, layer, x):
        n = f"w{self.count}"
        if isinstance(layer, nn.Dense):
            return self.node("Gemm", [x, self.constant(n, layer.weight.value), self.constant(n + "_bias", layer.bias.value)])
        if isinstance(layer, nn.Relu):
            return self.node("Relu", [x])
        if isinstance(layer, nn.Conv):
            weight = layer.weight.value.transpose(3, 2, 0, 1)  # [out, in, k, k]; depthwise has in = 1 already
            pad = layer.size // 2
            return self.node("Conv", [x, self.constant(n, weight)], kernel_shape=[layer.size] * 2, pads=[pad] * 4,
                             group=weight.shape[0] if layer.depthwise else 1)
        if isinstance(layer, nn.BatchNorm):
            values = [layer.scale.value, layer.shift.value, layer.running_mean, layer.running_variance]
            names = [self.constant(f"{n}_{part}", v) for part, v in zip(("scale", "shift", "mean", "variance"), values)]
            return self.node("BatchNormalization", [x, *names], epsilon=layer.EPSILON)
        if isinstance(layer, nn.GlobalAverage):
            return self.node("Flatten", [self.node("GlobalAveragePool", [x])])
        assert isinstance(layer, nn.Residual)
        y = x
        for inner in layer.body:
            y = self.layer(inner, y)
        return self.node("Relu", [self.node("Add", [y, x])])


def write_onnx(path, model, flatten):
    writer = OnnxWriter()
    x = writer.node("Flatten", ["image"]) if flatten else "image"
    for layer in model:
        x = writer.layer(layer, x)
    writer.nodes.append(helper.make_node("Softmax", [x], ["probabilities"], name="softmax", axis=-1))
    graph = helper.make_graph(writer.nodes, path.stem,
                              [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
                              [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])], writer.constants)
    made = helper.make_model(graph, producer_name="tercel digits example", opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    onnx.save(made, path)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    x_train, x_test, y_train, y_test = splits()
    np.savez_compressed(folder / "train.npz", x=x_train, label=y_train)
    np.savez_compressed(folder / "test.npz", x=x_test, label=y_test)
    for name, build, arrange in (("mlp", build_mlp, lambda x: x.reshape(len(x), 64)), ("cnn", build_cnn, lambda x: x.transpose(0, 2, 3, 1))):
        random = np.random.default_rng(SEED)
        model = build(random)
        train(model, arrange(x_train).astype(np.float64), y_train, random, augment=name == "cnn")
        accuracy = (nn.forward(model, arrange(x_test)).argmax(1) == y_test).mean()
        write_onnx(folder / f"{name}.onnx", model, flatten=name == "mlp")
        print(f"{name}: {100 * accuracy:.2f} % on {len(y_test)} held-out digits")


if __name__ == "__main__":
    main()
