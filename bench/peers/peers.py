#!/usr/bin/env python3
"""Tercel against ONNX Runtime on the same files: interleaved slices, rotating inputs, medians and tails.

    ./dev bench peers [--models NAME,...] [--threads 1,2] [--batch 1] [--sequence 128] [--slices 5] [--seconds 0.5] [--json]

Each slice is a process of its own (so neither side keeps a warm machine), and the sides take turns. Inputs rotate over
more than 64 MB. ONNX Runtime is called from Python with bound buffers: the call itself costs it about 2-3 us, which
matters for models below some 50 us and is written beside the table. Peak memory is that of one `run`, less what either
process takes to do nothing.
"""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/models"))
import models_test  # noqa: E402
import zoo  # noqa: E402


def shapes_of(model, batch, sequence):
    return [f"{name}={'x'.join(map(str, shape))}" for name, shape in model.shape(batch, sequence).items()]


def compile_plan(arguments, model, path):
    """The plan, tuned with the default budget, and how long compiling took. A plan of this very program is used again."""
    plan, report = path.with_suffix(".bench.plan"), path.with_suffix(".bench.json")
    newest = max(path.stat().st_mtime, os.stat(arguments.tercel).st_mtime)
    if plan.exists() and report.exists() and plan.stat().st_mtime > newest:
        return plan, json.loads(report.read_text())["seconds"]
    command = [arguments.tercel, "compile", str(path), "-o", str(plan), "--profile", model.profile, "--json"]
    for batch in arguments.batch:
        command += ["--bucket", ",".join(shapes_of(model, batch, arguments.sequence))]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{model.name}: {run.stderr.strip()}")
    report.write_text(run.stdout)
    return plan, json.loads(run.stdout)["seconds"]


def memory(arguments, model):
    """Peak resident bytes of one run from the command line, for both sides."""
    path = zoo.write(model, arguments.work)
    plan, seconds = compile_plan(arguments, model, path)
    ours, theirs = models_test.check_memory(arguments, model, path, plan)
    return {"model": model.name, "compile_seconds": seconds, "tercel": ours, "onnxruntime": theirs}


def tercel_slice(arguments, plan, model, batch, threads):
    command = [arguments.tercel, "bench", str(plan), "--json", "--seconds", str(arguments.seconds), "--threads", str(threads)]
    for shape in shapes_of(model, batch, arguments.sequence):
        command += ["--shape", shape]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(run.stdout)
    return {"p50": report["latency_us"]["p50"], "p99": report["latency_us"]["p99"], "open_us": report["open_us"],
            "rss": report["peak_resident_bytes"], "floor_us": report["floor_us"], "isa": report["isa"]}


def ort_slice(arguments, path, model, batch, threads):
    command = [sys.executable, str(pathlib.Path(__file__).with_name("ort_slice.py")), str(path), model.name, str(batch),
               str(arguments.sequence), str(threads), str(arguments.seconds)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def compare(arguments, model, batch, threads):
    path = zoo.write(model, arguments.work)
    plan, compile_seconds = compile_plan(arguments, model, path)
    ours, theirs = [], []
    for _ in range(arguments.slices):
        ours.append(tercel_slice(arguments, plan, model, batch, threads))
        theirs.append(ort_slice(arguments, path, model, batch, threads))
    row = {"model": model.name, "batch": batch, "threads": threads, "isa": ours[0]["isa"], "compile_seconds": compile_seconds,
           "floor_us": ours[0]["floor_us"]}
    for side, slices in (("tercel", ours), ("onnxruntime", theirs)):
        row[side] = {key: median([s[key] for s in slices]) for key in ("p50", "p99", "open_us")}
    row["ratio"] = row["onnxruntime"]["p50"] / row["tercel"]["p50"]
    row["floor_ratio"] = row["tercel"]["p50"] / row["floor_us"]
    return row


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def print_row(row):
    print(f"{row['model']:18s} {row['batch']:5d} {row['threads']:7d} {row['tercel']['p50']:12.1f} {row['onnxruntime']['p50']:12.1f} "
          f"{row['ratio']:7.2f} {row['tercel']['p99']:12.1f} {row['onnxruntime']['p99']:12.1f} {row['floor_ratio']:8.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(x) for x in text.split(",")]  # noqa: E731
    parser.add_argument("--tercel", default=str(ROOT / "build/release/tercel"))
    parser.add_argument("--work", default=str(ROOT / "build/models"))
    parser.add_argument("--models", default="")
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--batch", type=numbers, default=[1])
    parser.add_argument("--sequence", type=int, default=128)
    parser.add_argument("--slices", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    chosen = [m for m in zoo.ZOO if not arguments.models or m.name in arguments.models.split(",")]
    if not arguments.json:
        print(f"{'model':18s} {'batch':>5s} {'threads':>7s} {'tercel p50':>12s} {'ort p50 us':>12s} {'ratio':>7s} {'tercel p99':>12s} {'ort p99':>12s} {'x floor':>8s}")
    rows = []
    for model in chosen:
        for batch in arguments.batch:
            for threads in arguments.threads:
                rows.append(compare(arguments, model, batch, threads))
                if not arguments.json:
                    print_row(rows[-1])
    memories = [memory(arguments, model) for model in chosen]
    means = {str(t): geometric_mean([r["ratio"] for r in rows if r["threads"] == t]) for t in arguments.threads}
    if arguments.json:
        print(json.dumps({"isa": rows[0]["isa"], "rows": rows, "geometric_mean_ratio": means, "peak_memory": memories}))
    else:
        print(f"\n{'model':18s} {'compile s':>9s} {'tercel run MB':>14s} {'ort run MB':>12s}")
        for m in memories:
            print(f"{m['model']:18s} {m['compile_seconds']:9.1f} {m['tercel'] / 1e6:14.1f} {m['onnxruntime'] / 1e6:12.1f}")
        for threads, mean in means.items():
            print(f"geometric mean of ONNX Runtime's time / Tercel's at {threads} thread(s): {mean:.2f} on {rows[0]['isa']}")
        print("ONNX Runtime is called from Python with bound buffers; the call takes about 2-3 us of its time.")


if __name__ == "__main__":
    main()
