#!/usr/bin/env python3
"""The main job on real data: compile two digit classifiers, check their accuracy, bench, serve, and ask with a stock client.

    ./dev demo
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import tritonclient.http as triton

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODELS = ("mlp", "cnn")
ACCURACY_MIN = 0.97
STAGES = ("receive", "parse", "queue", "compute", "serialise")
COLOR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def heading(text):
    print(f"\n\033[1m{text}\033[0m" if COLOR else f"\n{text}", flush=True)


def show(path):
    return os.path.relpath(path, ROOT)


def tercel(program, *arguments):
    run = subprocess.run([program, *map(str, arguments), "--json"], capture_output=True, text=True)
    if run.returncode:
        sys.exit(run.stderr.strip())
    return json.loads(run.stdout)


def compile_models(program, repository):
    """Publishes both models as version 1 of a model repository."""
    plans = {}
    for name in MODELS:
        plan = repository / name / "1/model.plan"
        plan.parent.mkdir(parents=True, exist_ok=True)
        report = tercel(program, "compile", HERE / f"{name}.onnx", "-o", plan, "--profile", "image=1..512x1x8x8", "--bucket", "image=1x1x8x8",
                        "--bucket", "image=64x1x8x8", "--tune-budget", 5)
        print(f"  {name}.onnx -> {show(plan)}  {report['bytes'] / 1e3:.0f} KB, {report['steps']} steps, {report['seconds']:.1f} s")
        plans[name] = plan
    return plans


def accuracy_of(program, plan, work, labels):
    report = tercel(program, "run", plan, "--input", f"image={work / 'x.npy'}", "--output-dir", work / plan.parts[-3])
    return float((np.load(report["outputs"][0]["file"]).argmax(1) == labels).mean())


class Server:
    """`tercel serve` on a free port, stopped with SIGTERM as an operator would."""

    def __init__(self, program, repository, log):
        self.log = open(log, "w")
        self.process = subprocess.Popen([program, "serve", "--model-repository", str(repository), "--http-port", "0", "--json"],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        listening = self.process.stdout.readline()
        if not listening:
            sys.exit(f"the server did not start; see {log}:\n{pathlib.Path(log).read_text()[-2000:]}")
        self.port = json.loads(listening)["port"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def server_timing(header):
    """{'compute': microseconds, ...} from a Server-Timing header."""
    stages = {}
    for entry in (header or "").split(","):
        name, _, duration = entry.strip().partition(";dur=")
        if duration:
            stages[name] = float(duration) * 1e3
    return stages


def ask(client, name, images, labels):
    """One request an image, as a service would get them: accuracy and median round trip."""
    right, times = 0, []
    for image, label in zip(images, labels):
        tensor = triton.InferInput("image", [1, 1, 8, 8], "FP32")
        tensor.set_data_from_numpy(image[None])
        start = time.perf_counter()
        answer = client.infer(name, [tensor])
        times.append((time.perf_counter() - start) * 1e6)
        right += int(answer.as_numpy("probabilities").argmax() == label)
    return right / len(labels), float(np.median(times))


def stage_medians(port, name, image, count=200):
    """Stages as the server measured them, from the header it returns on demand."""
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", port)
    head = json.dumps({"inputs": [{"name": "image", "shape": [1, 1, 8, 8], "datatype": "FP32", "parameters": {"binary_data_size": 256}}],
                       "parameters": {"binary_data_output": True}}).encode()
    rows = []
    for _ in range(count):
        connection.request("POST", f"/v2/models/{name}/infer", head + image.tobytes(),
                           {"Inference-Header-Content-Length": str(len(head)), "x-tercel-timing": "1"})
        response = connection.getresponse()
        response.read()
        rows.append(server_timing(response.getheader("Server-Timing")))
    return {stage: float(np.median([row.get(stage, 0) for row in rows])) for stage in STAGES}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tercel", required=True)
    arguments = parser.parse_args()
    program, work = os.path.abspath(arguments.tercel), ROOT / "build/demo"
    work.mkdir(parents=True, exist_ok=True)
    with np.load(HERE / "test.npz") as data:
        images, labels = data["x"], data["label"]
    np.save(work / "x.npy", images)

    heading(f"1. Compile: two models trained on real handwritten digits ({len(labels)} held out), tuned for this machine")
    plans = compile_models(program, work / "models")

    heading("2. Check: held-out accuracy, agreement with the ONNX files, latency against the floor of this machine")
    rows = {}
    for name, plan in plans.items():
        agreement = tercel(program, "compare", HERE / f"{name}.onnx", plan)
        bench = tercel(program, "bench", plan, "--seconds", 1, "--threads", 1)
        rows[name] = {"accuracy": accuracy_of(program, plan, work, labels), "worst": agreement["worst"], "bench": bench}
        print(f"  {name}: {100 * rows[name]['accuracy']:.2f} % right; values within {agreement['worst']:.0e} of the ONNX file; "
              f"p50 {bench['latency_us']['p50']:.2f} us, floor {bench['floor_us']:.2f} us, {bench['allocations_per_run']:g} allocations per run")

    heading("3. Serve: Open Inference Protocol over HTTP, asked by an unmodified tritonclient")
    server = Server(program, work / "models", work / "serve.log")
    try:
        client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
        for name in MODELS:
            rows[name]["served"], rows[name]["round_trip"] = ask(client, name, images, labels)
            rows[name]["stages"] = stage_medians(server.port, name, images[:1])
        client.close()
    finally:
        code = server.stop()
    print(f"  {2 * len(labels)} requests answered on port {server.port}; the server drained and left with exit code {code}")

    heading("The result")
    isa = rows["mlp"]["bench"]["isa"]
    print(f"  {'':28s}{'mlp':>12s}{'cnn':>12s}")
    line = lambda label, cell: print(f"  {label:28s}" + "".join(f"{cell(rows[n]):>12s}" for n in MODELS))  # noqa: E731
    line("accuracy, plan", lambda r: f"{100 * r['accuracy']:.2f} %")
    line("accuracy, served", lambda r: f"{100 * r['served']:.2f} %")
    line(f"run p50 ({isa})", lambda r: f"{r['bench']['latency_us']['p50']:.2f} us")
    line("run p99", lambda r: f"{r['bench']['latency_us']['p99']:.2f} us")
    line("p50 / floor", lambda r: f"{r['bench']['floor_ratio']:.1f}x")
    line("client round trip p50", lambda r: f"{r['round_trip']:.0f} us")
    for stage in STAGES:
        line(f"  server: {stage}", lambda r: f"{r['stages'][stage]:.1f} us")
    print(f"\n  files     {show(plans['mlp'])}, {show(plans['cnn'])}, {show(work / 'serve.log')}")
    cnn = show(plans["cnn"])
    print(f"  try next  build/release/tercel explain {cnn}\n            build/release/tercel bench {cnn}\n"
          f"            build/release/tercel serve --model-repository {show(work / 'models')}")
    low = [n for n in MODELS if min(rows[n]["accuracy"], rows[n]["served"]) < ACCURACY_MIN]
    if low or code:
        sys.exit(f"the demo failed: accuracy below {ACCURACY_MIN} for {low}" if low else "the server did not drain cleanly")


if __name__ == "__main__":
    main()
