"""tercel.convert: scikit-learn end to end, and what is said when there is no exporter or no model.

PyTorch, Keras, XGBoost and LightGBM are large: tests/converters has them, `./dev test --converters` runs it.
"""
import sys
import types
import unittest
import unittest.mock

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline

import tercel


def without(*modules):
    """As on a machine where these are not installed."""
    return unittest.mock.patch.dict(sys.modules, dict.fromkeys(modules))


def class_of(module):
    """A class as a framework's own would look."""
    return type("Model", (), {"__module__": module, "n_features_in_": 3})


class ScikitLearn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        x, y = load_diabetes(return_X_y=True)
        cls.x = x.astype(np.float32)
        cls.model = make_pipeline(PCA(5), MLPRegressor(hidden_layer_sizes=(16,), random_state=1, max_iter=400)).fit(cls.x, y)

    def test_end_to_end(self):
        plan = tercel.compile(self.model, profile="x=1..64x10", budget_seconds=1)
        self.assertEqual(plan.inputs, [tercel.TensorInfo("x", "float32", plan.inputs[0].shape)])
        with tercel.Session(plan) as session:
            for rows in (1, 7, 64):
                answer = next(iter(session.run({"x": self.x[:rows]}).values()))
                np.testing.assert_allclose(answer[:, 0], self.model.predict(self.x[:rows]), rtol=1e-4, atol=1e-3)

    def test_the_example_says_the_type(self):
        image = tercel.convert(self.model, self.x[:1].astype(np.float64))
        with tercel.Session(image) as session:
            self.assertEqual(session.inputs[0].dtype, "float64")
        with self.assertRaisesRegex(tercel.InvalidError, "float16"):
            tercel.convert(self.model, self.x[:1].astype(np.float16))

    def test_a_model_that_was_not_fitted(self):
        with self.assertRaisesRegex(tercel.InvalidError, "fit it first"):
            tercel.convert(MLPRegressor())

    def test_what_the_exporter_raises_is_reported(self):
        import sklearn.base
        model = type("Mine", (sklearn.base.BaseEstimator,), {"n_features_in_": 3})()
        with self.assertRaisesRegex(tercel.UnsupportedError, "skl2onnx cannot convert this Mine"):
            tercel.convert(model)


class NoExporter(unittest.TestCase):
    def test_names_the_package_to_install(self):
        for module, absent, package in (("sklearn.x", "skl2onnx", "skl2onnx"), ("xgboost.sklearn", "onnxmltools", "onnxmltools"),
                                        ("lightgbm", "onnxmltools", "onnxmltools"), ("tf_keras.x", "tf2onnx", "tf2onnx"),
                                        ("keras.src.models", "keras", "keras")):
            with self.subTest(module), without(absent), self.assertRaisesRegex(tercel.UnsupportedError, f"pip install {package}$"):
                tercel.convert(class_of(module)())

    def test_pytorch_without_onnxscript(self):
        model = class_of("torch.nn.modules.module")()
        torch = types.SimpleNamespace(Tensor=np.ndarray, as_tensor=np.asarray, nn=types.SimpleNamespace(Module=type(model)))
        model.forward = lambda x: x
        with unittest.mock.patch.dict(sys.modules, {"torch": torch, "onnxscript": None}):
            with self.assertRaisesRegex(tercel.UnsupportedError, "pip install onnxscript$"):
                tercel.convert(model, np.zeros((1, 3)))
            with self.assertRaisesRegex(tercel.InvalidError, "example_inputs"):
                tercel.convert(model)
            with self.assertRaisesRegex(tercel.InvalidError, "no torch.nn.Module"):
                tercel.convert(class_of("torch.export")())


class NoModel(unittest.TestCase):
    def test_is_told_what_would_be_one(self):
        with self.assertRaisesRegex(tercel.InvalidError, "builtins.dict is no model.*scikit-learn"):
            tercel.convert({})

    def test_a_module_that_only_begins_like_a_framework_is_none(self):
        with self.assertRaisesRegex(tercel.InvalidError, "torchlight"):
            tercel.convert(class_of("torchlight")())


if __name__ == "__main__":
    unittest.main()
