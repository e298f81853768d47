#!/usr/bin/env python3
"""From a scikit-learn model to answers in microseconds: train, compile, run with bound buffers.

    pip install ./python scikit-learn skl2onnx
    python examples/python/diabetes.py
"""
import time

import numpy as np
import tercel
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline

RUNS = 2000

features, progression = load_diabetes(return_X_y=True)
train_x, test_x, train_y, _ = train_test_split(features.astype(np.float32), progression, random_state=0)
model = make_pipeline(PCA(8), MLPRegressor(hidden_layer_sizes=(32,), max_iter=300, random_state=0)).fit(train_x, train_y)

# One plan for every batch from 1 to 128, tuned for this machine.
plan = tercel.compile(model, profile=f"x=1..128x{features.shape[1]}", budget_seconds=2)

with tercel.Session(plan, threads=1) as session:
    answers = session.run({"x": test_x})["variable"][:, 0]
    print(f"{len(test_x)} answers differ by at most {np.abs(answers - model.predict(test_x)).max():.1e} from scikit-learn's")

    # The hot path: the same memory for every request.
    x = np.empty((1, features.shape[1]), np.float32)
    bound = session.bind({"x": x})
    y = bound.outputs["variable"]
    times = []
    for i in range(RUNS):
        x[:] = test_x[i % len(test_x)]
        start = time.perf_counter_ns()
        bound.run()
        times.append(time.perf_counter_ns() - start)
    p50, p99 = np.percentile(times, [50, 99]) / 1e3
    print(f"a request takes {p50:.1f} us (p50), {p99:.1f} us (p99); the last answer is {y[0, 0]:.1f}")
