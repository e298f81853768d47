"""Operators of the user's own, from a library."""
import os
import pathlib
import unittest

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import tercel

LIBRARY = pathlib.Path(os.environ["TERCEL_OPERATORS_DIR"]) / "biquad_operator.so"


def smoother():
    """y[t] = 0.5 x[t] + 0.5 y[t-1]."""
    sections = numpy_helper.from_array(np.array([[0.5, 0, 0, 1, -0.5, 0]], np.float32), "sections")
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["channels", 4]) for name in "xy"]
    node = helper.make_node("Biquad", ["x", "sections"], ["y"], domain="com.example")
    graph = helper.make_graph([node], "filter", value[:1], value[1:], [sections])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)], ir_version=9)


class Operators(unittest.TestCase):
    def test_a_model_with_an_operator_of_a_library(self):
        with self.assertRaisesRegex(tercel.UnsupportedError, "com.example"):
            tercel.compile(smoother(), tune=False)
        with self.assertRaisesRegex(tercel.NotFoundError, "/nowhere/x.so"):
            tercel.load_operators("/nowhere/x.so")
        with self.assertRaisesRegex(tercel.InvalidError, "cannot be loaded"):
            tercel.load_operators(__file__)
        tercel.load_operators(LIBRARY)
        tercel.load_operators(str(LIBRARY))
        with tercel.Session(tercel.compile(smoother(), tune=False)) as session:
            y = session.run({"x": np.array([[1, 0, 0, 0], [0, 8, 0, 0]], np.float32)})["y"]
        np.testing.assert_array_equal(y, [[0.5, 0.25, 0.125, 0.0625], [0, 4, 2, 1]])


if __name__ == "__main__":
    unittest.main()
