#!/usr/bin/env python3
"""tercel.convert with the frameworks themselves: what Tercel answers is what the framework predicts.

    ./dev test --converters

Not in the default run: the environment takes several GB.
"""
import os
import subprocess
import sys
import unittest

import numpy as np
import onnx.reference
import tercel

KERAS = """
import numpy as np, tercel
x = np.random.default_rng(1).random((5, 8, 8, 3), dtype=np.float32)
layers = keras.layers
model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(),
                          layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")])
left, right = keras.Input((4,)), keras.Input((6,))
two = keras.Model([left, right], layers.Dense(2)(layers.Concatenate()([left, right])))
for model, inputs in ((model, [x]), (two, [x[:, 0, 0, :1].repeat(4, 1), x[:, 1, 0, :1].repeat(6, 1)])):
    expected = np.asarray(model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0))
    with tercel.Session(model) as session:
        answer, = session.run(inputs).values()
    np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-5)
"""


def only(answers):
    (answer,) = answers.values()
    return answer


class PyTorch(unittest.TestCase):
    def model(self):
        import torch

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.norm, self.dense = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.Linear(8, 5)

            def forward(self, image, scale):
                return self.dense(torch.relu(self.norm(self.conv(image))).mean((2, 3))) * scale

        torch.manual_seed(1)
        return Net(), (torch.randn(2, 3, 16, 16), torch.randn(2, 1))

    def check(self, **options):
        import torch
        model, (image, scale) = self.model()
        onnx_bytes = tercel.convert(model, (image, scale.numpy()), **options)
        model.eval()
        plan = tercel.compile(onnx_bytes, tune=False)
        self.assertEqual([i.name for i in plan.inputs], ["image", "scale"])
        with tercel.Session(plan) as session, torch.no_grad():
            for batch in (1, 2, 5):
                x, s = torch.randn(batch, 3, 16, 16), torch.randn(batch, 1)
                np.testing.assert_allclose(only(session.run({"image": x, "scale": s})), model(x, s).numpy(), rtol=1e-4, atol=1e-5)

    def test_the_new_exporter(self):
        self.check()

    def test_the_old_exporter(self):
        self.check(dynamo=False)

    def test_an_example_of_one_row(self):
        import torch
        model, (image, scale) = self.model()
        with tercel.Session(tercel.convert(model, (image[:1], scale[:1]))) as session:
            self.assertEqual(only(session.run([torch.randn(3, 3, 16, 16), torch.randn(3, 1)])).shape, (3, 5))

    def test_training_modes_are_given_back(self):
        model, inputs = self.model()
        model.norm.eval()
        tercel.convert(model, inputs)
        self.assertEqual([model.training, model.norm.training], [True, False])

    def test_a_fixed_batch(self):
        model, inputs = self.model()
        plan = tercel.compile(tercel.convert(model, inputs, dynamic_batch=False), tune=False)
        self.assertEqual(plan.inputs[0].shape, (2, 3, 16, 16))

    def test_bfloat16_tensors(self):
        import torch
        model = torch.nn.Linear(4, 3).to(torch.bfloat16)
        x, y = torch.randn(2, 4).to(torch.bfloat16), torch.empty(2, 3, dtype=torch.bfloat16)
        with tercel.Session(tercel.convert(model, x)) as session:
            session.bind([x], [y]).run()
        np.testing.assert_allclose(y.float().numpy(), model(x).detach().float().numpy(), rtol=0.02, atol=0.02)

    def test_tensors_are_used_where_they_lie(self):
        import torch
        model = torch.nn.Linear(4, 3)
        with tercel.Session(tercel.convert(model, torch.randn(2, 4))) as session, torch.no_grad():
            x, y = torch.randn(2, 4), torch.empty(2, 3)
            bound = session.bind([x], [y])
            x += 1
            bound.run()
            np.testing.assert_allclose(y.numpy(), model(x).numpy(), rtol=1e-5, atol=1e-6)
            with self.assertRaisesRegex(tercel.InvalidError, "not contiguous"):
                session.run(torch.randn(4, 2).T)


class Keras(unittest.TestCase):
    """Each in a process of its own: Keras takes one backend for its life, and TensorFlow's LLVM does not stand PyTorch's beside it."""

    def check(self, backend, imports="import keras"):
        run = subprocess.run([sys.executable, "-c", imports + KERAS], env={**os.environ, "KERAS_BACKEND": backend}, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr[-3000:])

    def test_on_tensorflow(self):
        self.check("tensorflow")

    def test_on_pytorch(self):
        self.check("torch")

    def test_the_old_one(self):
        self.check("tensorflow", "import tf_keras as keras")


class Tables(unittest.TestCase):
    """Of models of trees, what the exporter made is compared by onnx's own evaluator."""

    @classmethod
    def setUpClass(cls):
        from sklearn.datasets import load_digits
        x, cls.y = load_digits(return_X_y=True)
        cls.x = x.astype(np.float32)

    def outputs(self, model):
        return onnx.reference.ReferenceEvaluator(onnx.load_from_string(tercel.convert(model))).run(None, {"x": self.x[:50]})

    def test_classifiers_answer_label_and_probabilities(self):
        import lightgbm
        import xgboost
        for model in (xgboost.XGBClassifier(n_estimators=5), lightgbm.LGBMClassifier(n_estimators=5, verbose=-1)):
            with self.subTest(type(model).__name__):
                label, probabilities = self.outputs(model.fit(self.x, self.y))
                np.testing.assert_array_equal(label, model.predict(self.x[:50]))
                np.testing.assert_allclose(probabilities, model.predict_proba(self.x[:50]), rtol=1e-3, atol=1e-4)

    def test_regressors_and_boosters(self):
        import lightgbm
        import xgboost
        first, second = xgboost.XGBRegressor(n_estimators=5), lightgbm.LGBMRegressor(n_estimators=5, verbose=-1)
        for model in (first.fit(self.x, self.y), second.fit(self.x, self.y)):
            for form in (model, model.get_booster() if model is first else model.booster_):
                with self.subTest(type(form).__module__ + "." + type(form).__name__):
                    np.testing.assert_allclose(self.outputs(form)[0][:, 0], model.predict(self.x[:50]), rtol=1e-3, atol=1e-3)

    def test_scikit_learn(self):
        from sklearn.neural_network import MLPRegressor
        model = MLPRegressor(hidden_layer_sizes=(16,), max_iter=300, random_state=1).fit(self.x, self.y)
        with tercel.Session(model) as session:
            np.testing.assert_allclose(only(session.run(self.x))[:, 0], model.predict(self.x), rtol=1e-3, atol=1e-3)


if __name__ == "__main__":
    unittest.main()
