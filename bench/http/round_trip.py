#!/usr/bin/env python3
"""What HTTP costs: tercel-serve against a bare epoll server, one connection, alternating in one run.

    http.py --build build/release [--json] [--repetitions 5]

Both servers read the same request and send the same answer; the models compute next to nothing (a 784-float MLP, and a
mean over an image of 602 KB). Ends with exit 1 when a ratio of p50 is above the bar.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/e2e"))
import make_models
from http_test import http_request
from server import Server

BAR = 1.5
INPUTS = {"mlp": (1, 784), "reduce": (1, 3, 224, 224)}


def pinned(cpu, command):
    return ["taskset", "-c", str(cpu), *map(str, command)] if cpu is not None else [str(c) for c in command]


def load(program, cpu, request, ports, *arguments):
    done = subprocess.run(pinned(cpu, [program, request, "--ports", ",".join(map(str, ports)), *arguments]), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"http_load failed: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)["servers"]


def measure(model, shape, port, folder, programs, cpus, repetitions):
    """p50 of both servers over several runs; in each run they alternate in blocks of 200 requests."""
    request, reply = folder / f"{model}.request", folder / f"{model}.reply"
    request.write_bytes(http_request(model, np.linspace(0, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)))
    load(programs["http_load"], cpus[1], request, [port], "--requests", 200, "--save", reply)
    twin = subprocess.Popen(pinned(cpus[0], [programs["http_twin"], reply]), stdout=subprocess.PIPE, text=True)
    try:
        twin_port = int(twin.stdout.readline())
        runs = [load(programs["http_load"], cpus[1], request, [port, twin_port], "--requests", 4000) for _ in range(repetitions)]
    finally:
        twin.kill()
        twin.wait()
    ratios = [ours["latency_us"]["p50"] / theirs["latency_us"]["p50"] for ours, theirs in runs]
    middle = lambda i, q: statistics.median(run[i]["latency_us"][q] for run in runs)
    return {"model": model, "request_bytes": request.stat().st_size, "reply_bytes": reply.stat().st_size,
            "tercel_us": {q: middle(0, q) for q in ("p50", "p99")}, "bare_us": {q: middle(1, q) for q in ("p50", "p99")},
            "ratio": statistics.median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios)}


def crowd(port, folder, programs):
    """Throughput with more connections; no bar, for information. The client takes its share of the CPUs."""
    return [{"connections": n, **load(programs["http_load"], None, folder / "mlp.request", [port], "--connections", n, "--requests", 30_000)[0]}
            for n in (8, 64)]


def print_table(results, crowds):
    print(f"{'model':<8} {'request':>9} {'tercel p50':>12} {'bare p50':>12} {'ratio':>6} {'range':>13} {'tercel p99':>12} {'bare p99':>12}")
    for r in results:
        print(f"{r['model']:<8} {r['request_bytes']:>9} {r['tercel_us']['p50']:>9.1f} us {r['bare_us']['p50']:>9.1f} us {r['ratio']:>6.2f} "
              f"{r['ratio_low']:>6.2f}-{r['ratio_high']:<6.2f} {r['tercel_us']['p99']:>9.1f} us {r['bare_us']['p99']:>9.1f} us")
    for c in crowds:
        print(f"mlp, {c['connections']} connections: {c['per_second']:.0f} requests/s, p50 {c['latency_us']['p50']:.0f} us, p99 {c['latency_us']['p99']:.0f} us")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--no-pin", action="store_true", help="leave the CPUs to the kernel")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    programs = {name: next((p for p in arguments.build.rglob(name) if p.is_file()), None) for name in ("tercel", "tercel-serve", "http_twin", "http_load")}
    if missing := [name for name, path in programs.items() if path is None]:
        sys.exit(f"not built: {', '.join(missing)}; run ./dev bench http")
    usable = sorted(os.sched_getaffinity(0))
    cpus = (usable[0], usable[1]) if len(usable) > 1 and not arguments.no_pin else (None, None)
    with tempfile.TemporaryDirectory(prefix="tercel-bench-") as name:
        folder = pathlib.Path(name)
        for model in INPUTS:
            make_models.write(folder / "models", model, getattr(make_models, model)(), programs["tercel"])
        with Server(programs["tercel-serve"], folder / "models", cpus=None if cpus[0] is None else str(cpus[0])) as server:
            results = [measure(model, shape, server.port, folder, programs, cpus, arguments.repetitions) for model, shape in INPUTS.items()]
        with Server(programs["tercel-serve"], folder / "models") as server:
            crowds = crowd(server.port, folder, programs)
    version = json.loads(subprocess.run([programs["tercel"], "version", "--json"], capture_output=True, text=True, check=True).stdout)
    passed = all(r["ratio"] <= BAR for r in results)
    if arguments.json:
        print(json.dumps({"isa": version["isa"], "cpu": version["cpu"], "bar": BAR, "passed": passed, "results": results, "crowds": crowds}))
    else:
        print_table(results, crowds)
        print(f"{'within' if passed else 'ABOVE'} the bar of {BAR}; {version['cpu']}, {version['isa']}")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
