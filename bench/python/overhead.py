#!/usr/bin/env python3
"""What a call from Python costs beyond the engine's own time, on models that compute next to nothing.

    overhead.py --tercel build/release/tercel [--json] [--repetitions 7]

Per repetition `tercel bench` (which calls the engine from C++) and then Python, in turn; the medians of the repetitions are compared.
Ends with exit 1 when a bound run costs more than the bar beyond the call in C++.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import timeit

import numpy as np
import tercel

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python/tests"))
import models

BAR_US = 0.3
SLICES, RUNS_A_SLICE = 200, 500
MODELS = {"relu_3": (models.relu((1, 3)), (1, 3)), "dense_64": (models.square_plus(), (1, 64))}


def us_per_call(function, runs):
    """Of the median slice: as `tercel bench` gives the median run, so that a preempted slice does not count."""
    return statistics.median(timeit.repeat(function, number=runs, repeat=SLICES)) / runs * 1e6


def engine_us(program, plan):
    report = subprocess.run([program, "bench", plan, "--threads", "1", "--seconds", "0.5", "--json"], capture_output=True, check=True)
    return json.loads(report.stdout)["latency_us"]["p50"]


def measure(program, folder, name, repetitions):
    model, shape = MODELS[name]
    path = pathlib.Path(folder) / f"{name}.plan"
    tercel.compile(model, path, budget_seconds=2)
    rows = []
    with tercel.Session(path, threads=1) as session:
        x = np.ones(shape, np.float32)
        bound = session.bind(x)
        for _ in range(repetitions):
            whole = us_per_call(lambda: session.run({"x": x}), RUNS_A_SLICE // 10)
            rows.append((engine_us(program, path), us_per_call(bound.run, RUNS_A_SLICE), whole))
    engine, run, whole = (statistics.median(column) for column in zip(*rows))
    return {"model": name, "engine_us": engine, "bound_run_us": run, "session_run_us": whole, "overhead_us": run - engine}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tercel", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repetitions", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [measure(arguments.tercel, folder, name, arguments.repetitions) for name in MODELS]
    if arguments.json:
        print(json.dumps(results))
    else:
        print(f"{'model':10} {'C++':>9} {'bound.run':>10} {'more':>9} {'session.run':>12}   (us, medians)")
        for r in results:
            print(f"{r['model']:10} {r['engine_us']:9.3f} {r['bound_run_us']:10.3f} {r['overhead_us']:9.3f} {r['session_run_us']:12.2f}")
    return max(r["overhead_us"] for r in results) > BAR_US


if __name__ == "__main__":
    sys.exit(main())
