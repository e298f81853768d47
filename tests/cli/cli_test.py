#!/usr/bin/env python3
"""The command line as a user meets it: every command, its --json fields, and bad input of every kind.

    cli_test.py --tercel build/release/tercel

Ends with 'N passed, N failed'.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DIGITS = pathlib.Path(__file__).resolve().parents[2] / "examples/digits"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Cli:
    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)

    def run(self, *arguments, expect=0):
        run = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                             env={**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")})
        assert run.returncode == expect, f"tercel {' '.join(map(str, arguments))}: exit {run.returncode}, expected {expect}\n{run.stdout[-500:]}{run.stderr[-500:]}"
        return run

    def json(self, *arguments, expect=0):
        return json.loads(self.run(*arguments, "--json", expect=expect).stdout)

    def refused(self, *arguments, says):
        """Exit 1, and one sentence that holds every word of `says`."""
        error = self.run(*arguments, expect=1).stderr
        for word in [says] if isinstance(says, str) else says:
            assert word.lower() in error.lower(), f"tercel {' '.join(map(str, arguments))}: '{word}' is not in: {error}"
        return error

    def plan(self, name="cnn", *options):
        path = self.folder / f"{name}{len(options)}.plan"
        if not path.exists():
            self.run("compile", DIGITS / f"{name}.onnx", "-o", path, "--tune-budget", "1", "-q", *options)
        return path


def save_model(path, nodes, inputs, outputs, constants=(), opset=17, **fields):
    value = lambda v: helper.make_tensor_value_info(*v)  # noqa: E731
    graph = helper.make_graph(nodes, "test", [value(v) for v in inputs], [value(v) for v in outputs], list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9, **fields)
    onnx.save(model, path)
    return path


FLOAT = TensorProto.FLOAT


@test
def version_says_what_it_is(cli):
    report = cli.json("version")
    assert {"version", "plan_format", "isa", "cpu", "threads"} <= report.keys()


@test
def help_lists_every_command(cli):
    text = cli.run("--help").stdout
    for command in ("inspect", "compile", "run", "bench", "explain", "compare", "serve", "check", "load", "reserve", "top", "doctor", "version",
                    "completion"):
        assert command in text, command
        cli.run(command, "--help")


@test
def usage_errors_exit_2(cli):
    cli.run(expect=2)
    cli.run("frobnicate", expect=2)
    cli.run("run", expect=2)
    cli.run("bench", "x.plan", "--seconds", "-1", expect=2)


@test
def doctor_says_what_to_change(cli):
    report = cli.json("doctor", "--seconds", "0.05")
    assert len({c["name"] for c in report["checks"]}) == len(report["checks"]) >= 16, report
    for check in report["checks"]:
        assert check["verdict"] in ("good", "note", "warning", "unknown") and check["value"] and check["why"], check
        assert bool(check["change"]) == (check["verdict"] in ("note", "warning")), check
    assert report["warnings"] == sum(c["verdict"] == "warning" for c in report["checks"]), report
    assert "interruptions" in cli.run("doctor", "--seconds", "0.05").stdout


@test
def completions_are_scripts(cli):
    script = cli.run("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
    assert "inspect" in script and "complete -c tercel" in cli.run("completion", "fish").stdout
    cli.run("completion", "tcsh", expect=2)


@test
def inspect_fields(cli):
    report = cli.json("inspect", DIGITS / "cnn.onnx")
    assert {"inputs", "outputs", "operators", "parameters", "weight_bytes", "flops", "activation_bytes", "floor_us"} <= report.keys()
    assert report["inputs"] == [{"name": "image", "dtype": "float32", "shape": ["batch", 1, 8, 8]}], report["inputs"]
    assert report["operators"]["Conv"] == 5 and report["parameters"] > 19000 and report["floor_us"] > 0
    assert report["weight_bytes"] == 4 * report["parameters"]


@test
def compile_fields(cli):
    out = cli.folder / "fields.plan"
    report = cli.json("compile", DIGITS / "mlp.onnx", "-o", out, "--profile", "image=1..4x1x8x8", "--tune-budget", "1")
    assert report["plan"] == str(out) and report["bytes"] == out.stat().st_size and report["steps"] > 0 and report["isa"]
    for profile in report["profiles"]:
        assert {"shapes", "arena_bytes", "predicted_us"} <= profile.keys() and profile["predicted_us"] > 0
        for latency in profile["latency"]:
            # A model of microseconds: thousands of runs were measured, of which the slowest thousandth says something.
            assert latency["p50_us"] <= latency["p99_us"] <= latency["p999_us"], latency
    explained = cli.json("explain", out)["promises"]
    assert explained == [{"shapes": p["shapes"], "latency": p["latency"]} for p in report["profiles"]], explained
    assert "p99.9" in cli.run("explain", out).stdout
    assert [p["shapes"]["image"][0] for p in report["profiles"]] == [1, 2, 4] or len(report["profiles"]) >= 2


@test
def bench_fields(cli):
    report = cli.json("bench", cli.plan(), "--seconds", "0.2", "--threads", "1")
    assert {"isa", "threads", "batch", "runs", "latency_us", "per_second", "open_us", "first_run_us", "allocations_per_run",
            "page_faults_per_run", "floor_us", "floor_ratio"} <= report.keys()
    assert {"min", "p50", "p90", "p99", "p99.9", "max"} == report["latency_us"].keys()
    assert report["threads"] == 1 and report["batch"] == 1
    assert report["allocations_per_run"] in (0, None) and report["page_faults_per_run"] == 0, report


@test
def a_p999_that_was_not_measured_is_none(cli):
    # A model that takes some ten milliseconds: the seconds that are measured hold fewer than a thousand runs.
    nodes = [helper.make_node("MatMul", [f"x{i}", "w"], [f"x{i + 1}"]) for i in range(8)]
    weights = numpy_helper.from_array(np.full((1024, 1024), 1e-3, np.float32), "w")
    save_model(cli.folder / "slow.onnx", nodes, [("x0", FLOAT, [1024, 1024])], [("x8", FLOAT, [1024, 1024])], [weights])
    report = cli.json("compile", cli.folder / "slow.onnx", "-o", cli.folder / "slow.plan", "--tune-budget", "1", "--threads", "1")
    latency = report["profiles"][0]["latency"][0]
    assert latency["p99_us"] > 0 and latency["p999_us"] is None, latency
    promise = cli.json("bench", cli.folder / "slow.plan", "--seconds", "0.2", "--threads", "1")["promise"]
    assert promise["p99_us"] == latency["p99_us"] and promise["p999_us"] is None and "p999_late" not in promise, promise


@test
def bench_says_whether_promises_are_kept(cli):
    plan = cli.plan("cnn", "--profile", "image=64x1x8x8", "--threads", "1")
    promise = cli.json("bench", plan, "--seconds", "1", "--threads", "1")["promise"]
    assert promise["p50_us"] <= promise["p99_us"] <= promise["p999_us"] < promise["p999_late_above_us"], promise
    assert promise["runs"] >= promise["late"] >= promise["p999_late"] >= 0 and promise["p999_broken"] in (True, False)
    assert sum(promise["causes"].values()) == promise["late"] and "throttled" in promise["causes"]
    text = cli.run("bench", plan, "--seconds", "0.2", "--threads", "1").stdout
    assert re.search(r"p99 [0-9.]+ .?s when compiled; (kept|broken).*\n +p99\.9 [0-9.]+ .?s when compiled; (kept|broken)", text), text


@test
def memory_that_may_not_be_locked_names_the_limit(cli):
    # Root may lock without limit, unless it is told that it may not.
    powerless = ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"] if os.geteuid() == 0 else []
    bench = [cli.program, "bench", cli.plan(), "--seconds", "0.1", "--threads", "2", "--lock-memory"]
    done = subprocess.run(["prlimit", "--memlock=16384:16384", *powerless, *map(str, bench)], capture_output=True, text=True, timeout=300)
    if done.stderr.startswith(("prlimit:", "setpriv:")):
        return print(f"skipped: {done.stderr.strip()}")
    assert done.returncode == 1 and "16384 (RLIMIT_MEMLOCK)" in done.stderr and "ulimit -l" in done.stderr, done.stderr


@test
def run_writes_what_it_says(cli):
    with np.load(DIGITS / "test.npz") as data:
        x, label = data["x"], data["label"]
    np.save(cli.folder / "x.npy", x)
    plan = cli.plan("cnn", "--profile", "image=1..512x1x8x8")
    report = cli.json("run", plan, "--input", f"image={cli.folder / 'x.npy'}", "--output-dir", cli.folder / "out")
    output = report["outputs"][0]
    assert output["name"] == "probabilities" and output["dtype"] == "float32" and output["shape"] == [len(x), 10] and report["latency_us"] > 0
    answers = np.load(output["file"])
    assert (answers.argmax(1) == label).mean() >= 0.97
    direct = cli.json("run", DIGITS / "cnn.onnx", "--input", f"image={cli.folder / 'x.npy'}", "--output", cli.folder / "o.npz")
    with np.load(direct["outputs"][0]["file"]) as arrays:
        np.testing.assert_allclose(arrays["probabilities"], answers, rtol=1e-4, atol=1e-6)


@test
def batches_inside_the_range_run_exactly(cli):
    plan = cli.plan("mlp", "--profile", "image=1..8x1x8x8")
    with np.load(DIGITS / "test.npz") as data:
        x = data["x"][:8]
    whole = None
    for count in (8, 1, 3, 5):
        np.save(cli.folder / "part.npy", x[:count])
        cli.run("run", plan, "--input", cli.folder / "part.npy", "--output", cli.folder / "part.npz", "-q")
        with np.load(cli.folder / "part.npz") as arrays:
            part = arrays["probabilities"]
        assert part.shape == (count, 10)
        whole = part if whole is None else whole
        np.testing.assert_allclose(part, whole[:count], rtol=1e-5)
    np.save(cli.folder / "nine.npy", np.zeros((9, 1, 8, 8), np.float32))
    cli.refused("run", plan, "--input", cli.folder / "nine.npy", says=["image", "1..8"])


@test
def explain_fields(cli):
    report = cli.json("explain", cli.plan())
    for step in report["steps"]:
        assert {"name", "operator", "tactic", "time_us", "floor_us", "refused"} <= step.keys()
    assert report["passes"] and {"name", "changes", "ms"} <= report["passes"][0].keys()
    assert any(step["refused"] for step in report["steps"])
    # The distance between two points where a run can be stopped: no step of the plan takes much longer than the whole run.
    assert 0 < report["longest_step_us"] < 1e6 and report["longest_step"] in [step["name"] for step in report["steps"]], report
    assert "can be stopped" in cli.run("explain", cli.plan()).stdout


@test
def compare_agrees_and_finds_the_difference(cli):
    report = cli.json("compare", DIGITS / "cnn.onnx", cli.plan())
    assert report["agree"] and report["worst"] < 1e-4 and report["first_difference"] is None
    model = onnx.load(DIGITS / "cnn.onnx")
    weight = next(t for t in model.graph.initializer if len(t.dims) == 2)
    value = numpy_helper.to_array(weight) * 1.5
    weight.CopyFrom(numpy_helper.from_array(value.astype(np.float32), weight.name))
    onnx.save(model, cli.folder / "other.onnx")
    run = cli.run("compare", DIGITS / "cnn.onnx", cli.folder / "other.onnx", "--json", expect=1)
    report = json.loads(run.stdout)
    assert not report["agree"] and report["first_difference"]["name"], report


@test
def passes_can_be_left_out_and_dumped(cli):
    listing = cli.run("compile", "--help").stdout
    assert "fold-batch-norm" in listing
    out = cli.folder / "nofold.plan"
    cli.run("compile", DIGITS / "cnn.onnx", "-o", out, "--no-tune", "--disable-pass", "fold-batch-norm", "-q")
    cli.run("compare", DIGITS / "cnn.onnx", out)
    dump = cli.run("compile", DIGITS / "cnn.onnx", "-o", out, "--no-tune", "--dump-after", "fold-batch-norm").stdout
    assert "Conv" in dump and "BatchNormalization" not in dump
    cli.refused("compile", DIGITS / "cnn.onnx", "-o", out, "--disable-pass", "nonsense", says=["nonsense", "fold-batch-norm"])


# Bad input.

@test
def not_a_model(cli):
    for name, content in (("empty.onnx", b""), ("text.onnx", b"hello world, this is no model\n"), ("zero.onnx", bytes(4096))):
        path = cli.folder / name
        path.write_bytes(content)
        for command in ("inspect", "compile", "run"):
            cli.refused(command, path, says=name)
    cli.refused("inspect", cli.folder / "missing.onnx", says="missing.onnx")
    cli.refused("inspect", cli.folder, says=str(cli.folder))


@test
def truncated_files(cli):
    model, plan = (DIGITS / "cnn.onnx").read_bytes(), cli.plan().read_bytes()
    for share in (0.1, 0.5, 0.99):
        (cli.folder / "cut.onnx").write_bytes(model[:int(len(model) * share)])
        cli.refused("compile", cli.folder / "cut.onnx", says="cut.onnx")
        (cli.folder / "cut.plan").write_bytes(plan[:int(len(plan) * share)])
        cli.refused("bench", cli.folder / "cut.plan", says=["cut.plan", "truncated"])


@test
def corrupted_plan(cli):
    plan = bytearray(cli.plan().read_bytes())
    plan[len(plan) // 2] ^= 1
    (cli.folder / "bad.plan").write_bytes(plan)
    cli.refused("run", cli.folder / "bad.plan", says=["bad.plan", "corrupt"])


@test
def newer_plan(cli):
    plan = bytearray(cli.plan().read_bytes())
    plan[8:12] = (99).to_bytes(4, "little")
    (cli.folder / "newer.plan").write_bytes(plan)
    cli.refused("run", cli.folder / "newer.plan", says=["newer.plan", "format 99", "newer tercel"])


@test
def three_gigabytes_claimed_in_a_kilobyte(cli):
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[1 << 15, 24576], raw_data=b"\0" * 64)
    path = save_model(cli.folder / "huge.onnx", [helper.make_node("Add", ["x", "w"], ["y"])], [("x", FLOAT, [1])], [("y", FLOAT, None)], [tensor])
    cli.refused("compile", path, says=["w", "bytes"])
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[1 << 40, 1 << 40], raw_data=b"\0" * 64)
    path = save_model(cli.folder / "overflow.onnx", [helper.make_node("Add", ["x", "w"], ["y"])], [("x", FLOAT, [1])], [("y", FLOAT, None)], [tensor])
    cli.refused("compile", path, says="w")


@test
def cyclic_graph(cli):
    nodes = [helper.make_node("Add", ["x", "b"], ["a"], name="first"), helper.make_node("Relu", ["a"], ["b"], name="second")]
    path = save_model(cli.folder / "cycle.onnx", nodes, [("x", FLOAT, [1])], [("b", FLOAT, [1])])
    cli.refused("compile", path, says=["cycle.onnx", "b"])


@test
def unknown_operators_are_listed_at_once(cli):
    nodes = [helper.make_node("Frobnicate", ["x"], ["a"], name="one"), helper.make_node("Wibble", ["a"], ["y"], name="two")]
    path = save_model(cli.folder / "unknown.onnx", nodes, [("x", FLOAT, [1])], [("y", FLOAT, [1])])
    report = cli.json("inspect", path)
    nodes = " ".join(entry["where"] for entry in report["unsupported"])
    assert "'one'" in nodes and "'two'" in nodes and all(entry["reason"] for entry in report["unsupported"]), report["unsupported"]
    cli.refused("compile", path, says=["Frobnicate", "one"])


@test
def external_data_stays_in_the_folder(cli):
    (cli.folder / "secret.bin").write_bytes(bytes(64))
    (cli.folder / "inside").mkdir()
    (cli.folder / "inside/link.bin").symlink_to(cli.folder / "secret.bin")
    os.link(cli.folder / "secret.bin", cli.folder / "inside/hard.bin")
    (cli.folder / "inside/short.bin").write_bytes(bytes(8))
    for location in ("../secret.bin", str(cli.folder / "secret.bin"), "link.bin", "hard.bin", "short.bin", "none.bin"):
        tensor = TensorProto(name="w", data_type=FLOAT, dims=[16], data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value=location)
        path = save_model(cli.folder / "inside/model.onnx", [helper.make_node("Add", ["x", "w"], ["y"])], [("x", FLOAT, [16])], [("y", FLOAT, [16])], [tensor])
        cli.refused("compile", path, says="w")
    (cli.folder / "inside/good.bin").write_bytes(np.arange(16, dtype=np.float32).tobytes())
    tensor.external_data[0].value = "good.bin"
    path = save_model(cli.folder / "inside/model.onnx", [helper.make_node("Add", ["x", "w"], ["y"])], [("x", FLOAT, [16])], [("y", FLOAT, [16])], [tensor])
    np.save(cli.folder / "x16.npy", np.ones(16, np.float32))
    cli.run("run", path, "--input", cli.folder / "x16.npy", "--output", cli.folder / "y16.npz", "-q")
    with np.load(cli.folder / "y16.npz") as arrays:
        np.testing.assert_array_equal(arrays["y"], np.arange(16) + 1)


@test
def wrong_inputs(cli):
    plan = cli.plan()
    cli.refused("run", plan, says=["image", "missing"])
    np.save(cli.folder / "double.npy", np.zeros((1, 1, 8, 8)))
    cli.refused("run", plan, "--input", cli.folder / "double.npy", says=["image", "float64", "float32"])
    np.save(cli.folder / "shape.npy", np.zeros((1, 1, 9, 8), np.float32))
    cli.refused("run", plan, "--input", cli.folder / "shape.npy", says="image")
    np.save(cli.folder / "rank.npy", np.zeros((1, 8, 8), np.float32))
    cli.refused("run", plan, "--input", cli.folder / "rank.npy", says="image")
    np.save(cli.folder / "good.npy", np.zeros((1, 1, 8, 8), np.float32))
    cli.refused("run", plan, "--input", f"picture={cli.folder / 'good.npy'}", says=["picture", "image"])
    cli.refused("run", plan, "--input", cli.folder / "none.npy", says="none.npy")
    (cli.folder / "text.npy").write_text("no array")
    cli.refused("run", plan, "--input", cli.folder / "text.npy", says="text.npy")


@test
def nan_goes_through(cli):
    np.save(cli.folder / "nan.npy", np.full((1, 1, 8, 8), np.nan, np.float32))
    cli.run("run", cli.plan(), "--input", cli.folder / "nan.npy", "--output", cli.folder / "nan.npz", "-q")
    with np.load(cli.folder / "nan.npz") as arrays:
        assert np.isnan(arrays["probabilities"]).all()


@test
def bad_profiles(cli):
    out, model = cli.folder / "p.plan", DIGITS / "mlp.onnx"
    for profile, word in (("image", "NAME="), ("image=8..1x1x8x8", "empty"), ("image=1x1x8", "axes"), ("picture=1x1x8x8", "picture"),
                          ("image=1x2x8x8", "fixed"), ("image=ax1x8x8", "extent")):
        cli.refused("compile", model, "-o", out, "--profile", profile, says=word)
    assert not out.exists()


@test
def unwritable_output_leaves_nothing(cli):
    cli.refused("compile", DIGITS / "mlp.onnx", "-o", cli.folder / "no/such/folder.plan", "--no-tune", says="no/such")
    (cli.folder / "file").write_text("")
    cli.refused("run", cli.plan("mlp"), "--input", cli.folder / "good.npy", "--output-dir", cli.folder / "file/x", says="file/x")


@test
def a_plan_of_another_isa_still_runs(cli):
    plan = cli.plan()
    np.save(cli.folder / "one.npy", np.ones((1, 1, 8, 8), np.float32))
    answers = []
    for isa in ("portable", "avx2", "avx512"):
        run = subprocess.run([cli.program, "run", str(plan), "--input", str(cli.folder / "one.npy"), "--output", str(cli.folder / "isa.npz")],
                             capture_output=True, text=True, env={**os.environ, "TERCEL_ISA": isa})
        assert run.returncode == 0, run.stderr
        with np.load(cli.folder / "isa.npz") as arrays:
            answers.append(arrays["probabilities"])
        if isa == "portable" and cli.json("version")["isa"] != "portable":
            assert "tuned" in run.stderr, "a foreign plan must say what it lost"
    for other in answers[1:]:
        np.testing.assert_allclose(other, answers[0], rtol=1e-4, atol=1e-6)


def custom_model(path, domain="com.example", op="Biquad", **attributes):
    """A filter that ONNX has no operator for: y[t] = 0.5 x[t] + 0.5 y[t-1]."""
    sections = numpy_helper.from_array(np.array([[0.5, 0, 0, 1, -0.5, 0]], np.float32), "sections")
    nodes = [helper.make_node(op, ["x", "sections"], ["filtered"], name="smooth", domain=domain, **attributes),
             helper.make_node("Neg", ["filtered"], ["y"])]
    graph = helper.make_graph(nodes, "filter", [helper.make_tensor_value_info("x", FLOAT, ["channels", 4])],
                              [helper.make_tensor_value_info("y", FLOAT, ["channels", 4])], [sections])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


@test
def custom_operators(cli):
    library = pathlib.Path(cli.program).parent / "operators/biquad_operator.so"
    model, plan, x = custom_model(cli.folder / "filter.onnx"), cli.folder / "filter.plan", cli.folder / "filter.npy"
    cli.refused("compile", model, "-o", plan, says=["com.example", "--operators"])
    assert "com.example" in str(cli.json("inspect", model)["unsupported"])
    report = cli.json("inspect", "--operators", library, model)
    assert not report["unsupported"] and report["operators"]["com.example.Biquad"] == 1, report
    cli.run("compile", model, "--operators", library, "-o", plan, "--tune-budget", "1", "--profile", "x=1..4x4")
    np.save(x, np.array([[1, 0, 0, 0], [0, 8, 0, 0]], np.float32))
    cli.run("run", plan, "--operators", library, "--input", f"x={x}", "--output", cli.folder / "filter.npz")
    with np.load(cli.folder / "filter.npz") as answers:
        np.testing.assert_allclose(answers["y"], [[-0.5, -0.25, -0.125, -0.0625], [0, -4, -2, -1]])
    cli.refused("run", plan, "--input", f"x={x}", "--output", cli.folder / "filter.npz", says=["'smooth'", "com.example.Biquad", "--operators"])
    assert "com.example.Biquad" in cli.run("explain", "--operators", library, plan).stdout
    cli.run("bench", "--operators", library, plan, "--seconds", "0.1")
    cli.run("compare", "--operators", library, model, plan)
    cli.refused("compile", custom_model(cli.folder / "wrong.onnx", reverze=1), "--operators", library, "-o", plan, says=["smooth", "'reverze'"])
    cli.refused("bench", plan, "--operators", cli.folder / "none.so", says="none.so")
    cli.refused("bench", plan, "--operators", model, says="cannot be loaded")
    # A library's operator comes before a function of the same name that the model brings for engines without it.
    with_function = onnx.load(model)
    body = [helper.make_node("Identity", ["x"], ["y"])]
    with_function.functions.append(helper.make_function("com.example", "Biquad", ["x", "s"], ["y"], body, [helper.make_opsetid("", 17)]))
    onnx.save(with_function, model)
    for options, first in (((), -1), (("--operators", library), -0.5)):
        cli.run("run", model, *options, "--input", f"x={x}", "--output", cli.folder / "filter.npz")
        with np.load(cli.folder / "filter.npz") as answers:
            assert answers["y"][0, 0] == first, (options, answers["y"])


@test
def spin_exists_only_when_asked_for(cli):
    path = cli.folder / "spin.onnx"
    value = lambda name: helper.make_tensor_value_info(name, FLOAT, ["n", 1])  # noqa: E731
    node = helper.make_node("Spin", ["x"], ["y"], domain="tercel.test", us=2000.0, batch_factor=0.5)
    graph = helper.make_graph([node], "g", [value("x")], [value("y")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("tercel.test", 1)], ir_version=9), path)
    cli.refused("compile", path, says="tercel.test")
    plan = cli.folder / "spin.plan"
    cli.run("compile", path, "--test-operators", "-o", plan, "--profile", "x=1..8x1", "--tune-budget", "1")
    for batch, cost in ((1, 2000), (8, 9000)):
        assert cli.json("bench", plan, "--test-operators", "--batch", batch, "--seconds", "0.2")["latency_us"]["min"] >= cost
    cli.refused("bench", plan, says="tercel.test.Spin")


@test
def custom_operators_that_fail(cli):
    library = pathlib.Path(cli.program).parent / "operators/faulty_operators.so"
    path, plan, x = cli.folder / "positive.onnx", cli.folder / "positive.plan", cli.folder / "negative.npy"
    value = lambda name: helper.make_tensor_value_info(name, FLOAT, [1])  # noqa: E731
    offset = numpy_helper.from_array(np.array([-1], np.float32), "one")
    nodes = [helper.make_node("Add", ["x", "one"], ["z"]), helper.make_node("Positive", ["z"], ["y"], name="check", domain="test")]
    graph = helper.make_graph(nodes, "g", [value("x")], [value("y")], [offset])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("test", 1)], ir_version=9), path)
    report = cli.json("compile", path, "--operators", library, "-o", plan, "--tune-budget", "1")
    assert "promises no latency" in report["notice"] and "x is negative" in report["notice"], report
    np.save(x, np.zeros(1, np.float32))
    cli.refused("run", plan, "--operators", library, "--input", f"x={x}", says=["node 'check' (test.Positive): x is negative"])
    np.save(x, np.ones(1, np.float32))
    cli.run("run", plan, "--operators", library, "--input", f"x={x}")


@test
def check_says_what_would_not_be_served(cli):
    models = cli.folder / "checked"
    for name, text in (("good", ""), ("wrong", "[deadline]\ndefault_ms = 5\n"), ("torn", ""), ("onnx", 'profile = ["image=1..2x1x8x8"]\n'), ("empty", "")):
        (models / name / "1").mkdir(parents=True)
        (models / name / "model.toml").write_text(text)
    plan = cli.plan("mlp").read_bytes()
    for name, image in (("good", plan), ("wrong", plan), ("torn", plan[:1000])):
        (models / name / "1/model.plan").write_bytes(image)
    (models / "onnx/1/model.onnx").write_bytes((DIGITS / "mlp.onnx").read_bytes())
    run = cli.run("check", models, "--json", expect=1)
    report = {v["model"]: v for v in json.loads(run.stdout)["versions"]}
    assert [n for n in report if report[n]["ok"]] == ["good", "onnx"], report
    assert "line 2" in report["wrong"]["problem"] and "deadline.default_ms" in report["wrong"]["problem"], report
    assert "neither model.plan nor model.onnx" in report["empty"]["problem"] and report["torn"]["problem"], report
    assert "3 of 5" in run.stderr and "broken" in cli.run("check", models, expect=1).stdout
    for name in ("wrong", "torn", "empty"):
        shutil.rmtree(models / name)
    assert cli.json("check", models)["problems"] == 0
    cli.refused("check", cli.folder / "nowhere", says="nowhere")


@test
def check_says_what_is_wrong_with_each_variant(cli):
    version = cli.folder / "ladders/digits/1"
    (version / "variants").mkdir(parents=True)
    (version / "ladder.toml").write_text("".join(
        f'[[variant]]\nname = "{name}"\naccuracy = {accuracy}\n' for name, accuracy in (("mlp", 0.983), ("cnn", 0.986))))
    (version / "variants/cnn.plan").write_bytes(cli.plan("cnn").read_bytes())
    run = cli.run("check", cli.folder / "ladders", "--json", expect=1)
    report = json.loads(run.stdout)["versions"][0]
    assert "variant 'mlp'" in report["problem"] and "holds neither mlp.plan nor mlp.onnx" in report["problem"], report
    (version / "variants/mlp.onnx").write_bytes((DIGITS / "mlp.onnx").read_bytes())
    report = cli.json("check", cli.folder / "ladders")["versions"][0]
    assert report["variants"][0] == {"name": "cnn", "accuracy": 0.986}, report
    assert len(report["variants"]) == 2 or "variant 'mlp': left out" in report["notice"], report
    assert "ok: cnn" in cli.run("check", cli.folder / "ladders").stdout


@test
def unreadable_repository(cli):
    cli.refused("serve", "--model-repository", cli.folder / "nowhere", "--http-port", "0", says="nowhere")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tercel", required=True)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        cli = Cli(arguments.tercel, folder)
        for function in TESTS:
            if arguments.names and function.__name__ not in arguments.names:
                continue
            try:
                function(cli)
                passed += 1
            except Exception as error:  # noqa: BLE001: a test that breaks is a failure like any other
                failed += 1
                print(f"FAIL {function.__name__}: {type(error).__name__}: {error}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
