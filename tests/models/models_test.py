#!/usr/bin/env python3
"""Whole models against ONNX Runtime: every model of zoo.py through one plan, at several batches and sequence lengths.

    models_test.py --tercel build/release/tercel --work build/models [NAME...]

Checks values (relative to the output's largest magnitude), equal bits at one and two threads, no allocation and no page
fault per run, and peak memory of `run` against ONNX Runtime's. Ends with 'N passed, N failed'.
"""
import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import zoo  # noqa: E402


def tercel(arguments, *command):
    run = subprocess.run([arguments.tercel, *map(str, command), "--json"], capture_output=True, text=True)
    if run.returncode:
        raise AssertionError(run.stderr.strip() or f"exit {run.returncode}")
    return json.loads(run.stdout)


def compile_plan(arguments, model, path):
    plan = path.with_suffix(".plan")
    tercel(arguments, "compile", path, "-o", plan, "--profile", model.profile, "--tune-budget", arguments.tune_budget, "--threads", 1)
    return plan


def check_values(arguments, model, path, plan, session, batch, sequence):
    inputs = zoo.random_inputs(model, batch, sequence, np.random.default_rng(batch * 1000 + sequence))
    expected = session.run(None, inputs)
    given, answers = path.with_suffix(".in.npz"), []
    np.savez(given, **inputs)
    for threads in (1, 2):
        out = path.with_suffix(f".out{threads}.npz")
        tercel(arguments, "run", plan, "--input", given, "--output", out, "--threads", threads)
        with np.load(out) as arrays:
            answers.append([arrays[o.name] for o in session.get_outputs()])
    worst = 0.0
    for e, a, b in zip(expected, *answers):
        assert e.shape == a.shape, f"shape {a.shape}, expected {e.shape}"
        assert a.tobytes() == b.tobytes(), "bits differ between one and two threads"
        worst = max(worst, float(np.abs(a.astype(np.float64) - e).max() / max(np.abs(e).max(), 1e-30)))
    assert worst <= model.tolerance, f"batch {batch} sequence {sequence}: relative difference {worst:.2e} over {model.tolerance:.0e}"
    return worst


def check_steady_state(arguments, model, plan):
    batch, sequence = model.cases[0]
    shapes = [f"{name}={'x'.join(map(str, shape))}" for name, shape in model.shape(batch, sequence).items()]
    report = tercel(arguments, "bench", plan, "--seconds", 0.2, "--threads", 2, *[x for s in shapes for x in ("--shape", s)])
    for field in ("allocations_per_run", "page_faults_per_run"):
        assert report[field] in (0, None), f"{field} is {report[field]}"


def peak_of(command):
    """Peak resident bytes of a finished command."""
    code = f"import subprocess,resource,sys; r=subprocess.run({command!r},stdout=subprocess.DEVNULL); " \
           "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss*1024); sys.exit(r.returncode)"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


ORT_RUN = """
import sys, numpy as np, onnxruntime as ort
s = ort.InferenceSession(sys.argv[1]); s.run(None, dict(np.load(sys.argv[2])))
"""
ORT_IDLE = "import numpy, onnxruntime"


def check_memory(arguments, model, path, plan):
    """Without what Python and the library take when they do nothing, so that the runtimes are compared, not the languages."""
    given = path.with_suffix(".in.npz")
    np.savez(given, **zoo.random_inputs(model, *model.cases[0], np.random.default_rng(1)))
    theirs = peak_of([sys.executable, "-c", ORT_RUN, str(path), str(given)]) - peak_of([sys.executable, "-c", ORT_IDLE])
    ours = peak_of([arguments.tercel, "run", str(plan), "--input", str(given), "-q"]) - peak_of([arguments.tercel, "version"])
    return ours, theirs


def check_model(arguments, model):
    import onnxruntime
    path = zoo.write(model, arguments.work)
    plan = compile_plan(arguments, model, path)
    session = onnxruntime.InferenceSession(str(path))
    worst = max(check_values(arguments, model, path, plan, session, *case) for case in model.cases)
    check_steady_state(arguments, model, plan)
    ours, theirs = check_memory(arguments, model, path, plan)
    # A few megabytes are the price of any process; below that there is nothing to compare.
    assert ours <= max(theirs, 16e6), f"peak memory {ours / 1e6:.0f} MB, ONNX Runtime {theirs / 1e6:.0f} MB"
    return f"relative difference {worst:.1e}, peak memory {ours / 1e6:.0f} / {theirs / 1e6:.0f} MB"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tercel", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--tune-budget", default="3")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    passed = failed = 0
    for model in zoo.ZOO:
        if arguments.names and model.name not in arguments.names:
            continue
        try:
            print(f"ok    {model.name}: {check_model(arguments, model)}", flush=True)
            passed += 1
        except AssertionError as error:
            print(f"FAIL  {model.name}: {error}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
