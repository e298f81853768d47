"""What is measured: a model of tests/models/zoo.py at one batch and precision, and the files that the engines read."""
import dataclasses
import functools
import json
import os
import pathlib
import subprocess

import onnx

import quantize
import zoo
from worker import Refused

MODELS = {model.name: model for model in zoo.ZOO + zoo.TREES}
TYPES = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.INT64: "int64"}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    batch: int
    precision: str = "f32"
    sequence: int = 128

    @property
    def model(self):
        return MODELS[self.name]

    def onnx_path(self, work):
        path = zoo.write(self.model, work)
        return path if self.precision == "f32" else quantize.write(self.model, path)

    def extents(self):
        """Of the symbolic dimensions that the models of the zoo have."""
        return {"batch": self.batch, "sequence": self.sequence}

    def shapes(self):
        return {name: "x".join(map(str, shape)) for name, shape in self.model.shape(self.batch, self.sequence).items()}

    @functools.cache
    def ports(self, path):
        """The driver's --input, --output and --dimension arguments."""
        graph, words = onnx.load(path, load_external_data=False).graph, []
        constants = {c.name for c in graph.initializer}
        symbols = {}
        for option, values in (("--input", [v for v in graph.input if v.name not in constants]), ("--output", graph.output)):
            for value in values:
                kind = value.type.tensor_type
                extents = []
                for dim in kind.shape.dim:
                    if dim.dim_param:
                        symbols[dim.dim_param] = self.extents()[dim.dim_param]
                    extents.append(symbols.get(dim.dim_param, dim.dim_value))
                text = f"{value.name}={TYPES[kind.elem_type]}:{'x'.join(map(str, extents))}"
                words += [option, text + (":" + self.values(value.name) if option == "--input" else "")]
        for name, extent in symbols.items():
            words += ["--dimension", f"{name}={extent}"]
        return words

    def values(self, name):
        return "mask" if "mask" in name else f"ids{self.model.rows}" if "ids" in name else "normal"


def compile_plan(tercel, case, batches, path):
    """The plan of `path`, tuned with the default budget at the batches, and the seconds that took. A plan of this very
    program is used again."""
    name = f"{path.stem}.bench{''.join(f'-{b}' for b in batches)}-{case.sequence}"
    plan, report = path.with_name(name + ".plan"), path.with_name(name + ".json")
    newest = max(path.stat().st_mtime, os.stat(tercel).st_mtime)
    if not (plan.exists() and report.exists() and plan.stat().st_mtime > newest):
        command = [tercel, "compile", str(path), "-o", str(plan), "--profile", case.model.profile, "--json"]
        for batch in batches:
            shapes = dataclasses.replace(case, batch=batch).shapes()
            command += ["--bucket", ",".join(f"{k}={v}" for k, v in shapes.items())]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise Refused(run.stderr.strip() or f"tercel compile ended with {run.returncode}")
        report.write_text(run.stdout)
    return plan, json.loads(report.read_text())["seconds"]


def floor_us(tercel, case, plan, threads):
    """The physical floor of one run on this machine, as `tercel bench` computes it."""
    command = [tercel, "bench", str(plan), "--json", "--seconds", "0.01", "--threads", str(threads)]
    for name, shape in case.shapes().items():
        command += ["--shape", f"{name}={shape}"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise Refused(run.stderr.strip())
    return json.loads(run.stdout)["floor_us"]


def library(venv, pattern):
    """The one file of the environment's packages that matches."""
    found = sorted(pathlib.Path(venv).glob(f"lib/python3*/site-packages/{pattern}"))
    if not found:
        raise SystemExit(f"{venv} has no {pattern}; run ./dev bench peers")
    return found[0]
