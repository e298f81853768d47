"""What goes in and comes out: every element type, DLPack, and every kind of array that is refused."""
import re
import unittest

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper

import models
import tercel

DTYPES = ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]


class Exporter:
    """Something that is no NumPy array and exports DLPack."""

    def __init__(self, array):
        self.array, self.exports = array, 0

    def __dlpack__(self, **options):
        self.exports += 1
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class EveryType(unittest.TestCase):
    def values(self, dtype, shape=(2, 3)):
        counted = np.arange(np.prod(shape)).reshape(shape)
        return (counted % 2 if dtype == np.bool_ else counted).astype(dtype)

    def check(self, dtype):
        element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        x = self.values(dtype)
        with tercel.Session(models.transpose(element)) as session:
            y = session.run({"x": x})["y"]
            self.assertEqual(y.dtype, x.dtype)
            self.assertTrue(y.flags.writeable and y.flags.c_contiguous)
            np.testing.assert_array_equal(y, x.T)
            given = np.zeros((3, 2), dtype)
            session.bind({"x": x}, {"y": given}).run()
            np.testing.assert_array_equal(given, x.T)
            self.assertEqual(session.inputs[0].dtype, x.dtype.name)

    def test_numpy(self):
        for dtype in DTYPES:
            with self.subTest(dtype):
                self.check(np.dtype(dtype))

    def test_bfloat16(self):
        self.check(np.dtype(ml_dtypes.bfloat16))
        fixed = np.zeros((3, 2), ml_dtypes.bfloat16)
        fixed.flags.writeable = False
        with tercel.Session(models.transpose(TensorProto.BFLOAT16)) as session:
            with self.assertRaisesRegex(tercel.InvalidError, "output 'y' is read-only"):
                session.bind(fixed.T.copy(), fixed)
            with self.assertRaisesRegex(tercel.InvalidError, r"float32 where bfloat16 is wanted.*ml_dtypes\.bfloat16"):
                session.run(np.zeros((2, 3), np.float32))

    def test_scalars_and_empty_arrays(self):
        with tercel.Session(models.add(shape=())) as session:
            self.assertEqual(session.run([np.float32(2).reshape(()), np.array(3, np.float32)])["sum"], 5)
        with tercel.Session(tercel.compile(models.relu(), profile="x=0..4x3", tune=False)) as session:
            self.assertEqual(session.run(np.zeros((0, 3), np.float32))["y"].shape, (0, 3))


class Dlpack(unittest.TestCase):
    def test_any_exporter_in_and_out_without_a_copy(self):
        x, y = Exporter(np.full((2, 3), -1, np.float32)), Exporter(np.zeros((2, 3), np.float32))
        with tercel.Session(models.relu()) as session:
            bound = session.bind({"x": x}, {"y": y})
            self.assertIs(bound.outputs["y"], y)
            x.array[:] = 4
            bound.run()
            self.assertEqual(y.array.tolist(), np.full((2, 3), 4).tolist())
            self.assertTrue(x.exports and y.exports)

    def test_another_device_is_refused(self):
        class Elsewhere(Exporter):
            dtype = "float32"

            def __dlpack__(self, **options):
                raise BufferError("not on the CPU")

        with tercel.Session(models.relu()) as session, self.assertRaisesRegex(tercel.InvalidError, "input 'x'.*CPU memory"):
            session.run({"x": Elsewhere(np.zeros((2, 3), np.float32))})

    def test_buffers_count_too(self):
        import array
        with tercel.Session(models.relu(("n",))) as session:
            self.assertEqual(session.run(array.array("f", [-1, 2]))["y"].tolist(), [0, 2])

    def test_torch_where_it_is_installed(self):
        try:
            import torch
        except ImportError:
            self.skipTest("torch is not installed")
        with tercel.Session(models.relu()) as session:
            y = torch.empty(2, 3)
            session.bind({"x": torch.full((2, 3), 2.0)}, {"y": y}).run()
            self.assertTrue((y == 2).all())


class Refused(unittest.TestCase):
    """Each refusal names the tensor, what it is, what is wanted or what to do."""

    @classmethod
    def setUpClass(cls):
        cls.session = tercel.Session(models.add())
        cls.good = np.zeros((2, 3), np.float32)

    def refused(self, a, *says, outputs=None, error=tercel.InvalidError):
        with self.assertRaises(error) as caught:
            self.session.bind({"a": a, "b": self.good}, outputs)
        for words in says:
            self.assertRegex(str(caught.exception), re.escape(words))

    def test_element_type(self):
        self.refused(self.good.astype(np.float64), "input 'a'", "float64", "float32 is wanted", "astype")
        self.refused(self.good.astype(np.complex64), "input 'a'", "complex64", "float32")
        self.refused(self.good.astype(ml_dtypes.bfloat16), "input 'a'", "bfloat16", "float32")
        self.refused(np.array([["a"]]), "input 'a'", "<U1")
        self.refused(np.array([[object()]]), "input 'a'", "object")

    def test_byte_order(self):
        self.refused(self.good.astype(">f4"), "input 'a'", "byte order", ">f4", "newbyteorder")

    def test_strides(self):
        wide = np.zeros((2, 6), np.float32)
        self.refused(wide[:, ::2], "input 'a'", "not contiguous", "6, 2", "numpy.ascontiguousarray")
        self.refused(np.zeros((3, 2), np.float32).T, "input 'a'", "not contiguous")
        self.refused(self.good[::-1], "input 'a'", "not contiguous")
        self.refused(np.broadcast_to(np.float32(0), (2, 3)), "input 'a'", "not contiguous")

    def test_an_extent_of_one_has_any_stride(self):
        column = np.zeros((1, 6), np.float32)[:, :3]
        with tercel.Session(models.relu()) as session:
            self.assertEqual(session.run(column)["y"].shape, (1, 3))

    def test_alignment(self):
        raw = np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3)
        self.refused(raw, "input 'a'", "not aligned", "copy")

    def test_no_array(self):
        self.refused([[0, 0, 0], [0, 0, 0]], "input 'a'", "list", "numpy.asarray")
        self.refused("text", "input 'a'", "str")
        self.refused(None, "input 'a'", "missing")

    def test_rank_and_extents(self):
        self.refused(np.zeros(3, np.float32), "input 'a'", "rank 1")
        self.refused(np.zeros((2, 4), np.float32), "'a'", "4")
        self.refused(np.zeros((3, 3), np.float32), "'b'", "2")
        self.refused(np.zeros((1,) * 9, np.float32), "input 'a'", "rank 9", "8", error=tercel.LimitError)

    def test_names_and_numbers(self):
        good = self.good
        for inputs, says in (({"a": good}, "input 'b' is missing"), ({"a": good, "b": good, "c": good}, "no input 'c'"),
                             ({1: good}, "no input 1"), ([good], "1 inputs are given where the model has 2"),
                             (good, "pass a dict by name")):
            with self.subTest(says), self.assertRaisesRegex(tercel.InvalidError, re.escape(says)):
                self.session.bind(inputs)

    def test_outputs(self):
        fixed = np.zeros((2, 3), np.float32)
        fixed.flags.writeable = False
        self.refused(self.good, "output 'sum'", "read-only", outputs={"sum": fixed})
        self.refused(self.good, "output 'sum'", "3x2", "2x3", outputs={"sum": np.zeros((3, 2), np.float32)})
        self.refused(self.good, "output 'sum'", "float64", outputs={"sum": np.zeros((2, 3))})
        self.refused(self.good, "output 'sum'", "not contiguous", outputs={"sum": np.zeros((3, 2), np.float32).T})
        self.refused(self.good, "no output 'y'", outputs={"y": np.zeros((2, 3), np.float32)})

    def test_shared_memory(self):
        memory = np.zeros(12, np.float32)
        a, overlapping, apart = memory[:6].reshape(2, 3), memory[3:9].reshape(2, 3), memory[6:].reshape(2, 3)
        self.refused(a, "output 'sum' shares memory with input 'a'", outputs={"sum": overlapping})
        self.refused(a, "shares memory", outputs={"sum": a})
        self.session.bind({"a": a, "b": a}, {"sum": apart}).run()

    def test_a_read_only_input_is_fine(self):
        fixed = np.ones((2, 3), np.float32)
        fixed.flags.writeable = False
        self.assertEqual(self.session.run([fixed, fixed])["sum"].tolist(), np.full((2, 3), 2).tolist())


if __name__ == "__main__":
    unittest.main()
