#!/usr/bin/env python3
"""The node tests of the onnx package against `tercel run`, at the suite's own tolerances.

    ./dev conformance [--json FILE] [--list] [--only SUBSTRING] [--update]

Each test is passed, failed (wrong values, a crash, a hang) or refused (a clear error). refusals.txt beside this script says
which are refused, "never" or "not yet", and why; a refusal that is not listed fails, and so does a listed one that passes
(a stale entry: delete it). Ends with 'N passed, N failed'; "passed" counts tests that went as the list says.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

HERE = pathlib.Path(__file__).parent
TIMEOUT_SECONDS = 60
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
CLASSES = ("plain_f32", "expanded_f32", "quantized", "ai_onnx_ml", "other")
BASE = {TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL}
BYTES = {TensorProto.UINT8, TensorProto.INT8}


def load_tests():
    warnings.filterwarnings("ignore")
    from onnx.backend.test.loader import load_model_tests
    return sorted(load_model_tests(kind="node"), key=lambda t: t.name)


def io_types(model):
    """Element types of the inputs and outputs; None stands for what is not a dense tensor."""
    types = set()
    for value in list(model.graph.input) + list(model.graph.output):
        kind = value.type.WhichOneof("value")
        types.add(value.type.tensor_type.elem_type if kind == "tensor_type" else None)
    return types


def classify(name, model):
    types = io_types(model)
    domains = {o.domain for o in model.opset_import}
    if "ai.onnx.ml" in domains:
        return "ai_onnx_ml"
    if "ai.onnx.preview.training" in domains or None in types or TensorProto.FLOAT not in types:
        return "other"
    if types <= BASE:
        return "expanded_f32" if "_expanded" in name else "plain_f32"
    return "quantized" if types <= BASE | BYTES else "other"


def read_tensors(folder, kind, values):
    arrays = {}
    for i, value in enumerate(values):
        path = folder / f"{kind}_{i}.pb"
        if not path.exists():
            break
        if value.type.WhichOneof("value") != "tensor_type":
            raise NotImplementedError(f"{kind} '{value.name}' is not a tensor")
        tensor = TensorProto()
        tensor.ParseFromString(path.read_bytes())
        arrays[value.name] = numpy_helper.to_array(tensor)
    return arrays


def differs(actual, expected, test):
    if actual.shape != expected.shape:
        return f"shape {actual.shape}, expected {expected.shape}"
    if actual.dtype == "V2" and expected.dtype == BFLOAT16:
        actual = actual.view(BFLOAT16)  # numpy files hold the bytes without the name
    if actual.dtype != expected.dtype:
        return f"dtype {actual.dtype}, expected {expected.dtype}"
    if expected.dtype == BFLOAT16:
        actual, expected = actual.astype(np.float32), expected.astype(np.float32)
    try:
        np.testing.assert_allclose(actual, expected, rtol=test.rtol, atol=test.atol)
    except AssertionError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return "; ".join(lines[1:4])
    return None


def run_set(tercel, model_path, model, folder, test, work):
    """(outcome, reason) of one data set."""
    graph = model.graph
    initialized = {t.name for t in graph.initializer}
    try:
        inputs = read_tensors(folder, "input", [v for v in graph.input if v.name not in initialized])
        expected = read_tensors(folder, "output", graph.output)
        if any((a.dtype.kind in "OUSV" and a.dtype != BFLOAT16) or a.dtype.name.startswith(("float8", "float4", "int4", "uint4", "int2", "uint2", "complex")) for a in [*inputs.values(), *expected.values()]):
            raise NotImplementedError("a type that numpy files do not hold")
    except NotImplementedError as error:  # the model itself must still be refused with a sentence
        inputs, expected = None, str(error)
    command = [tercel, "run", str(model_path), "--quiet", "--threads", "1", "--output", str(work / "out.npz")]
    if inputs:
        np.savez(work / "in.npz", **inputs)
        command += ["--input", str(work / "in.npz")]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return "failed", f"hangs: no answer within {TIMEOUT_SECONDS} s"
    if run.returncode == 1:
        return "refused", run.stderr.strip().splitlines()[-1] if run.stderr.strip() else "no sentence"
    if run.returncode != 0:
        return "failed", f"exit {run.returncode}: {run.stderr.strip()[-200:]}"
    if inputs is None:
        return "failed", f"ran, although {expected}"
    with np.load(work / "out.npz") as answers:
        for name, array in expected.items():
            if name not in answers:
                return "failed", f"output '{name}' is missing"
            problem = differs(answers[name], array, test)
            if problem:
                return "failed", f"output '{name}': {problem}"
    return "passed", ""


def run_test(tercel, test):
    folder = pathlib.Path(test.model_dir)
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    with tempfile.TemporaryDirectory() as work:
        for data in sorted(folder.glob("test_data_set_*")):
            outcome, reason = run_set(tercel, folder / "model.onnx", model, data, test, pathlib.Path(work))
            if outcome != "passed":
                return test.name, classify(test.name, model), outcome, reason
    return test.name, classify(test.name, model), "passed", ""


def read_refusals():
    """test name -> ('never' | 'not yet', reason). A line: NAME | never | reason."""
    refusals = {}
    path = HERE / "refusals.txt"
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            name, kind, reason = (part.strip() for part in line.split("|", 2))
            refusals[name] = (kind, reason)
    return refusals


def judge(results, refusals):
    """What did not go as refusals.txt says."""
    wrong = []
    for name, _, outcome, reason in results:
        if outcome == "failed" and name not in refusals:
            wrong.append(f"{name}: {reason}")
        elif outcome == "failed" and (reason.startswith(("hangs", "exit"))):
            wrong.append(f"{name}: {reason}")
        elif outcome == "refused" and name not in refusals:
            wrong.append(f"{name}: refused, and not listed in refusals.txt: {reason}")
        elif outcome == "passed" and name in refusals and "random" not in refusals[name][1]:  # a draw may match by chance
            wrong.append(f"{name}: passes now; delete its line in refusals.txt")
    return wrong


NEVER = ("sequence", "optional", "string", "training", "float8", "float4", "int4", "uint4", "int2", "uint2", "complex", "sparse", "not a tensor")


def update(results, refusals):
    lines = ["# Node tests that Tercel refuses or does not pass: NAME | never or not yet | reason. A stale line fails the run."]
    for name, _, outcome, reason in results:
        if outcome == "passed":
            continue
        reason = reason.split("model.onnx: ")[-1].replace("\n", " ").replace("|", "/")[:200]
        if "bernoulli" in name:
            reason = "the expected values are draws of numpy's random generator"
        kind = refusals[name][0] if name in refusals else "never" if "random" in reason else "never" if any(word in reason for word in NEVER) else "not yet"
        lines.append(f"{name} | {kind} | {'fails: ' if outcome == 'failed' else ''}{reason}")
    (HERE / "refusals.txt").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tercel", required=True)
    parser.add_argument("--json")
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true", help="print what is refused or fails, with reasons")
    parser.add_argument("--update", action="store_true", help="write refusals.txt anew from this run")
    arguments = parser.parse_args()
    tests = [t for t in load_tests() if arguments.only in t.name]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda t: run_test(arguments.tercel, t), tests))
    refusals = read_refusals()
    counts = {c: collections.Counter() for c in CLASSES}
    for _, kind, outcome, _ in results:
        counts[kind][outcome] += 1
        counts[kind]["total"] += 1
    if arguments.list:
        for name, kind, outcome, reason in results:
            if outcome != "passed":
                print(f"{outcome:8s} {kind:13s} {name}: {reason}")
    if arguments.update:
        update(results, refusals)
        refusals = read_refusals()
    print(f"{'class':14s} {'passed':>7s} {'failed':>7s} {'refused':>8s} {'total':>6s} {'share':>7s}")
    report = {}
    for kind in CLASSES:
        report[kind] = {key: counts[kind][key] for key in ("passed", "failed", "refused", "total")}
        share = 100 * counts[kind]["passed"] / max(counts[kind]["total"], 1)
        print(f"{kind:14s} {report[kind]['passed']:7d} {report[kind]['failed']:7d} {report[kind]['refused']:8d} {report[kind]['total']:6d} {share:6.1f}%")
    wrong = judge(results, refusals) if not arguments.only else []
    for line in wrong:
        print(line)
    if arguments.json:
        pathlib.Path(arguments.json).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=1) + "\n")
    print(f"{len(results) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong or not results else 0


if __name__ == "__main__":
    sys.exit(main())
