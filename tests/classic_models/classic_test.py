#!/usr/bin/env python3
"""Models of scikit-learn, XGBoost and LightGBM, converted by their exporters, against the libraries' own answers.

    classic_test.py --tercel build/release/tercel --work build/classic_models [WORD...]

Every model of zoo.py is trained on every data set it fits, converted, and asked about rows it was not trained on: the same
labels, and scores to 1e-5 of the largest. Exporters round thresholds and coefficients to float32, which moves a few rows to
another branch; such rows are told by ONNX Runtime's answer, which then differs from the library's too. They are compared with
ONNX Runtime instead, and counted. The bits must be equal at one and two threads. Ends with 'N passed, N failed'.
"""
import argparse
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnxruntime

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import zoo  # noqa: E402

TOLERANCE = 1e-5
ROUNDED_SHARE_MAX = 0.1  # of the rows
OPSETS = {"": 18, "ai.onnx.ml": 3}


def convert(model, fitted, width):
    if model.exporter == "skl2onnx":
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType
        options = {"zipmap": False} if hasattr(fitted, "classes_") else None
        return to_onnx(fitted, initial_types=[("x", FloatTensorType([None, width]))], options=options, target_opset=OPSETS)
    from onnxmltools.convert import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    types = [("x", FloatTensorType([None, width]))]
    if model.exporter.endswith("xgboost"):
        return convert_xgboost(fitted, initial_types=types, target_opset=15)
    return convert_lightgbm(fitted, initial_types=types, target_opset=15, **({"zipmap": False} if hasattr(fitted, "classes_") else {}))


def answers_of_library(fitted, x, has_scores):
    """[label, scores] or [prediction], as the exported model's outputs."""
    labels = np.asarray(fitted.predict(x))
    if not has_scores:
        return [labels]
    if hasattr(fitted, "predict_proba"):
        return [labels, fitted.predict_proba(x)]
    decisions = fitted.decision_function(x)
    is_svc = type(fitted[-1]).__name__ == "SVC"
    return [labels, -decisions if is_svc and decisions.ndim == 1 else decisions]  # skl2onnx lists these as (d, -d), others as (-d, d)


def run(tercel, path, given, outputs, threads):
    out = path.with_suffix(f".out{threads}.npz")
    command = [tercel, "run", str(path), "--input", str(given), "--output", str(out), "--threads", str(threads), "--quiet"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr.strip()
    with np.load(out) as arrays:
        return [arrays[name] for name in outputs]


def like(expected, shape):
    """The library's array as the exported model shapes it: columns of one class or target may be dropped or doubled."""
    expected = np.asarray(expected, dtype=np.float64)
    if expected.ndim == 1 and len(shape) == 2 and shape[1] == 2:
        return np.stack([-expected, expected], axis=1)
    return expected.reshape(shape) if expected.size == np.prod(shape) else expected


def wrong_rows(answer, expected):
    """Which rows differ by more than TOLERANCE of the largest magnitude (labels: at all)."""
    expected = like(expected, answer.shape)
    assert expected.shape == answer.shape, f"shape {answer.shape}, expected {expected.shape}"
    if answer.dtype == np.int64:
        return answer != expected
    scale = max(1.0, float(np.abs(expected).max()))
    difference = np.abs(answer.astype(np.float64) - expected) / scale
    return ~(difference.reshape(len(answer), -1).max(axis=1) <= TOLERANCE)


def check(arguments, data, model):
    x = model.prepare(data.x)
    half = len(x) // 2
    fitted = model.make().fit(x[:half], data.y[:half])
    exported = convert(model, fitted, x.shape[1])
    path = arguments.work / f"{data.name} {model.name}.onnx".replace(" ", "_")
    path.write_bytes(exported.SerializeToString())
    rows = x[half:half + 100]
    given = path.with_suffix(".npz")
    input_name = exported.graph.input[0].name
    np.savez(given, **{input_name: rows})
    outputs = [o.name for o in exported.graph.output]
    ours, again = (run(arguments.tercel, path, given, outputs, threads) for threads in (1, 2))
    peers = onnxruntime.InferenceSession(str(path)).run(None, {input_name: rows})
    library = answers_of_library(fitted, rows, len(outputs) > 1)
    rounded = np.zeros(len(rows), bool)
    for peer, expected in zip(peers, library):
        rounded |= wrong_rows(np.asarray(peer), expected)
    for name, answer, second, peer, expected in zip(outputs, ours, again, peers, library):
        assert answer.tobytes() == second.tobytes(), f"'{name}': bits differ between one and two threads"
        wrong = wrong_rows(answer, expected) & ~rounded
        assert not wrong.any(), f"'{name}': {wrong.sum()} of {len(rows)} rows differ from the library, the first is {wrong.argmax()}"
        apart = wrong_rows(answer, np.asarray(peer)) & rounded
        assert not apart.any(), f"'{name}': {apart.sum()} rounded rows differ from ONNX Runtime too, the first is {apart.argmax()}"
    assert rounded.mean() <= ROUNDED_SHARE_MAX, f"{rounded.sum()} of {len(rows)} rows are not the library's in ONNX Runtime either"
    return f"{rounded.sum()} of {len(rows)} rows rounded by the exporter" if rounded.any() else "ok"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tercel", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("words", nargs="*", help="only models whose name and data set hold all of these")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    passed = failed = 0
    for data in zoo.load():
        for model in zoo.classifiers() if data.is_classes else zoo.regressors():
            name = f"{data.name} {model.name}"
            if not all(word in name for word in arguments.words):
                continue
            try:
                print(f"ok    {name}: {check(arguments, data, model)}", flush=True)
                passed += 1
            except Exception as error:  # an exporter that fails is a failure too
                print(f"FAIL  {name}: {type(error).__name__}: {str(error)[-300:]}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
