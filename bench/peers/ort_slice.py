"""One slice of ONNX Runtime for peers.py: MODEL.onnx NAME BATCH SEQUENCE THREADS SECONDS; prints a JSON object."""
import json
import pathlib
import sys
import time

import numpy as np
import onnxruntime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/models"))
import zoo  # noqa: E402

ROTATION_BYTES, SETS_MAX = 64e6, 4096


def main():
    path, name, batch, sequence, threads, seconds = sys.argv[1:]
    model = next(m for m in zoo.ZOO if m.name == name)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    start = time.perf_counter_ns()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    open_us = (time.perf_counter_ns() - start) / 1e3
    random, bindings, total, keep = np.random.default_rng(1), [], 0, []
    while not bindings or (total < ROTATION_BYTES and len(bindings) < SETS_MAX):
        inputs = {k: onnxruntime.OrtValue.ortvalue_from_numpy(v) for k, v in zoo.random_inputs(model, int(batch), int(sequence), random).items()}
        binding = session.io_binding()
        for key, value in inputs.items():
            binding.bind_ortvalue_input(key, value)
        if not keep:
            outputs = session.run(None, {k: v.numpy() for k, v in inputs.items()})
            keep = [onnxruntime.OrtValue.ortvalue_from_numpy(np.array(o)) for o in outputs]
        for output, value in zip(session.get_outputs(), keep):
            binding.bind_ortvalue_output(output.name, value)
        total += sum(v.numpy().nbytes for v in inputs.values())
        bindings.append((binding, inputs))
    times, run, clock = [], session.run_with_iobinding, time.perf_counter_ns
    for i in range(20):
        run(bindings[i % len(bindings)][0])
    deadline, i = clock() + float(seconds) * 1e9, 0
    now = clock()
    while now < deadline or i < 5:
        run(bindings[i % len(bindings)][0])
        end = clock()
        times.append(end - now)
        now, i = end, i + 1
    times.sort()
    at = lambda share: times[min(len(times) - 1, int(share * len(times)))] / 1e3  # noqa: E731
    print(json.dumps({"p50": at(0.5), "p99": at(0.99), "open_us": open_us}))


if __name__ == "__main__":
    main()
