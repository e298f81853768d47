"""tercel.compile and plans: sources, options, files, errors by class."""
import pathlib
import tempfile
import threading
import unittest

import numpy as np
import onnx
from onnx import helper

import models
import tercel

X = np.array([[-1, 2, 3]], np.float32)
Y = [[0, 2, 3]]


class Compiling(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name) / "relu.onnx"
        onnx.save(models.relu(), self.path)

    def answer(self, model):
        with tercel.Session(model) as session:
            return session.run({"x": X})["y"].tolist()

    def test_every_source(self):
        image = self.path.read_bytes()
        for model in (self.path, str(self.path), image, bytearray(image), memoryview(image), models.relu()):
            with self.subTest(type(model).__name__):
                self.assertEqual(self.answer(tercel.compile(model, tune=False)), Y)
                self.assertEqual(self.answer(model), Y)

    def test_a_plan_outlives_the_bytes_it_was_made_of(self):
        proto = models.square_plus()
        image = bytearray(proto.SerializeToString())
        x = np.ones((1, 64), np.float32)
        expected = tercel.Session(proto).run(x)["y"]
        plan = tercel.compile(image, tune=False)
        image[:] = bytes(len(image))
        del image
        np.testing.assert_array_equal(tercel.Session(plan).run(x)["y"], expected)

    def test_a_file_and_back(self):
        file = self.path.with_suffix(".plan")
        plan = tercel.compile(self.path, file, profile="x=1..8x3", budget_seconds=1)
        self.assertEqual(plan.path, str(file))
        for opened in (tercel.Plan.open(str(file)), tercel.Plan.open(file), plan):
            self.assertEqual(opened.inputs, [tercel.TensorInfo("x", "float32", ("batch", 3))])
            self.assertTrue(opened.compiler.startswith("tercel "))
            self.assertEqual(opened.model_digest, tercel.compile(self.path.read_bytes(), tune=False).model_digest)
        self.assertEqual(self.answer(file), Y)
        copy = self.path.with_name("copy.plan")
        self.assertEqual(tercel.compile(self.path, tune=False).save(copy), copy.stat().st_size)
        self.assertEqual(self.answer(copy), Y)

    def test_profiles_in_every_form(self):
        for profile in ("x=1..2x3", ["x=1..2x3"], {"x": "1..2x3"}, {"x": ((1, 2), 3)}, {"x": [[1, 2], 3]}):
            with self.subTest(str(profile)):
                plan = tercel.compile(self.path, profile=profile, buckets=[{"x": (2, 3)}], tune=False)
                with tercel.Session(plan) as session:
                    session.run(np.zeros((2, 3), np.float32))
                    with self.assertRaisesRegex(tercel.InvalidError, r"axis 0 \(batch\) of input 'x' is 3"):
                        session.run(np.zeros((3, 3), np.float32))

    def test_options_are_checked(self):
        for options, says in (({"profile": "x=1..8"}, "x"), ({"profile": "x=?"}, "x=?"), ({"profile": "z=1x3"}, "z"),
                              ({"profile": {"x": ((1, 2, 3), 3)}}, "range"),
                              ({"threads": [0]}, "threads: 0"), ({"threads": [2000]}, "1..1024"),
                              ({"budget_seconds": -1}, "budget_seconds"), ({"budget_seconds": float("nan")}, "budget_seconds"),
                              ({"disabled_passes": ["no-such-pass"]}, "no-such-pass")):
            with self.subTest(str(options)), self.assertRaisesRegex(tercel.Error, says.replace("?", r"\?")):
                tercel.compile(self.path, **{"tune": False} | options)

    def test_disabled_passes_and_threads_take_effect(self):
        plain = tercel.compile(models.square_plus(), tune=False)
        left_out = tercel.compile(models.square_plus(), tune=False, disabled_passes=["lower-dense", "fold-affine", "fuse-epilogues"])
        count = lambda plan: len(self.steps(plan))  # noqa: E731
        self.assertGreater(count(left_out), count(plain))

    def steps(self, plan):
        with tercel.Session(plan) as session:
            session.run(np.zeros((1, 64), np.float32))
            return session.steps()

    def test_errors_by_class(self):
        unknown = models.model([helper.make_node("StringNormalizer", ["x"], ["y"])],
                               [("x", onnx.TensorProto.STRING, (3,))], [("y", onnx.TensorProto.STRING, (3,))])
        garbage = self.path.with_name("garbage.plan")
        garbage.write_bytes(b"TERCELP\n" + bytes(100))
        for error, builtin, call in (
                (tercel.NotFoundError, LookupError, lambda: tercel.compile(self.path.with_name("absent.onnx"))),
                (tercel.InvalidError, ValueError, lambda: tercel.compile(b"no model")),
                (tercel.InvalidError, ValueError, lambda: tercel.Session(garbage)),
                (tercel.InvalidError, ValueError, lambda: tercel.compile(42)),
                (tercel.UnsupportedError, NotImplementedError, lambda: tercel.compile(unknown)),
                (tercel.IoError, OSError, lambda: tercel.compile(self.path, "/no/such/folder/x.plan", tune=False))):
            with self.assertRaises(error) as caught:
                call()
            self.assertIsInstance(caught.exception, tercel.Error)
            self.assertIsInstance(caught.exception, builtin)
            self.assertGreater(len(str(caught.exception)), 20)

    def test_the_gil_is_released(self):
        done, count = threading.Event(), 0

        def work():
            tercel.compile(models.chain(8), budget_seconds=1)
            done.set()

        thread = threading.Thread(target=work)
        thread.start()
        while not done.wait(0.001):
            count += 1
        thread.join()
        self.assertGreater(count, 20)


if __name__ == "__main__":
    unittest.main()
