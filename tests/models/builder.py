"""A small writer of ONNX graphs with random weights, for models of real architectures."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


class Builder:
    def __init__(self, name, seed=1):
        self.name, self.random = name, np.random.default_rng(seed)
        self.nodes, self.constants, self.inputs, self.outputs, self.counts = [], [], [], [], {}
        self.opsets = {}  # of domains beside the standard one

    def input(self, name, shape, dtype=np.float32):
        self.inputs.append(helper.make_tensor_value_info(name, TYPES[np.dtype(dtype)], shape))
        return name

    def output(self, value, shape):
        self.outputs.append(helper.make_tensor_value_info(value, TensorProto.FLOAT, shape))

    def constant(self, value, name="c"):
        name = self.fresh(name)
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def weight(self, shape, fan_in, gain=2.0):
        return self.constant(self.random.normal(0, np.sqrt(gain / fan_in), shape).astype(np.float32), "weight")

    def vector(self, size, low=-0.1, high=0.1):
        return self.constant(self.random.uniform(low, high, size).astype(np.float32), "vector")

    def fresh(self, base):
        self.counts[base] = self.counts.get(base, 0) + 1
        return f"{base}_{self.counts[base]}"

    def node(self, op, inputs, outputs=1, **attributes):
        name = self.fresh(op.lower())
        names = [name] if outputs == 1 else [f"{name}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=name, **attributes))
        return name if outputs == 1 else names

    def ints(self, *values):
        return self.constant(np.array(values, np.int64), "ints")

    def scalar(self, value):
        return self.constant(np.array(value, np.float32), "scalar")

    def save(self, path, opset=17):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, producer_name="tercel tests", ir_version=9,
                                  opset_imports=[helper.make_opsetid(domain, version) for domain, version in {"": opset, **self.opsets}.items()])
        onnx.checker.check_model(model)
        onnx.save(model, path)

    # Layers.

    def conv(self, x, inputs, outputs, size, stride=1, group=1):
        fan_in = size * size * inputs // group
        return self.node("Conv", [x, self.weight((outputs, inputs // group, size, size), fan_in)], kernel_shape=[size] * 2,
                         strides=[stride] * 2, pads=[size // 2] * 4, group=group)

    def batch_norm(self, x, channels, scale=1.0):
        values = [self.vector(channels, 0.8 * scale, 1.2 * scale), self.vector(channels), self.vector(channels), self.vector(channels, 0.5, 1.5)]
        return self.node("BatchNormalization", [x, *values])

    def conv_bn(self, x, inputs, outputs, size, stride=1, group=1, activation="relu", scale=1.0):
        x = self.batch_norm(self.conv(x, inputs, outputs, size, stride, group), outputs, scale)
        if activation == "relu":
            return self.node("Relu", [x])
        if activation == "relu6":
            return self.node("Clip", [x, self.scalar(0), self.scalar(6)])
        return x

    def gemm(self, x, inputs, outputs, activation=None):
        x = self.node("Gemm", [x, self.weight((outputs, inputs), inputs), self.vector(outputs)], transB=1)
        return self.node(activation, [x]) if activation else x

    def dense(self, x, inputs, outputs):
        """As transformers are exported: MatMul on the last axis, then Add."""
        return self.node("Add", [self.node("MatMul", [x, self.weight((inputs, outputs), inputs, 1.0)]), self.vector(outputs)])

    def layer_norm(self, x, size):
        """The primitive form of older exports."""
        centred = self.node("Sub", [x, self.node("ReduceMean", [x], axes=[-1])])
        variance = self.node("ReduceMean", [self.node("Pow", [centred, self.scalar(2)])], axes=[-1])
        normal = self.node("Div", [centred, self.node("Sqrt", [self.node("Add", [variance, self.scalar(1e-12)])])])
        return self.node("Add", [self.node("Mul", [normal, self.vector(size, 0.8, 1.2)]), self.vector(size)])

    def gelu(self, x):
        erf = self.node("Erf", [self.node("Div", [x, self.scalar(np.sqrt(2.0))])])
        return self.node("Mul", [self.node("Mul", [x, self.node("Add", [erf, self.scalar(1)])]), self.scalar(0.5)])
