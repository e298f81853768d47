"""Small models for the tests, made with the onnx package."""
import onnx
from onnx import TensorProto, helper, numpy_helper
import numpy as np

FLOAT = TensorProto.FLOAT
CONSTANT_SEED = 7


def model(nodes, inputs, outputs, constants=()):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "test", [value(*i) for i in inputs], [value(*o) for o in outputs], list(constants))
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(proto)
    return proto


def add(element=FLOAT, shape=("batch", 3)):
    """sum = a + b"""
    return model([helper.make_node("Add", ["a", "b"], ["sum"])], [("a", element, shape), ("b", element, shape)],
                 [("sum", element, shape)])


def relu(shape=("batch", 3)):
    """y = max(x, 0)"""
    return model([helper.make_node("Relu", ["x"], ["y"])], [("x", FLOAT, shape)], [("y", FLOAT, shape)])


def plus_ones():
    """y = x + ones of x's shape, which a session computes when it binds that shape, and keeps"""
    return model([helper.make_node("Shape", ["x"], ["shape"]),
                  helper.make_node("ConstantOfShape", ["shape"], ["ones"], value=numpy_helper.from_array(np.ones(1, np.float32))),
                  helper.make_node("Add", ["x", "ones"], ["y"])], [("x", FLOAT, ("batch", 3))], [("y", FLOAT, ("batch", 3))])


def transpose(element, shape=("batch", 3)):
    """y = x transposed, of any element type"""
    return model([helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0])], [("x", element, shape)],
                 [("y", element, shape[::-1])])


def square_plus(size=64):
    """y = x w + 1, a dense layer"""
    w = np.random.default_rng(CONSTANT_SEED).normal(size=(size, size)).astype(np.float32)
    return model([helper.make_node("MatMul", ["x", "w"], ["p"]), helper.make_node("Add", ["p", "one"], ["y"])],
                 [("x", FLOAT, ("batch", size))], [("y", FLOAT, ("batch", size))],
                 [numpy_helper.from_array(w, "w"), numpy_helper.from_array(np.ones(1, np.float32), "one")])


def chain(layers, size=256):
    """Many dense layers: a run that takes long."""
    w = np.random.default_rng(CONSTANT_SEED).normal(scale=size ** -0.5, size=(size, size)).astype(np.float32)
    names = ["x", *(f"h{i}" for i in range(1, layers)), "y"]
    nodes = [helper.make_node("MatMul", [a, "w"], [b]) for a, b in zip(names, names[1:])]
    return model(nodes, [("x", FLOAT, (size, size))], [("y", FLOAT, (size, size))], [numpy_helper.from_array(w, "w")])


def positive_places():
    """total = the sum of x; then where = the indices of x > 0, whose size depends on data."""
    zero = numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    return model([helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0),
                  helper.make_node("Greater", ["x", "zero"], ["p"]), helper.make_node("NonZero", ["p"], ["where"])],
                 [("x", FLOAT, ("n",))], [("total", FLOAT, ()), ("where", TensorProto.INT64, (1, "m"))], [zero])
