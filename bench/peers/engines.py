"""The engines, each a program around the same driver, and how each is started on a case."""
import dataclasses
import pathlib

import cases
from worker import Refused, Worker

NAMES = ("tercel", "onnxruntime", "openvino")
LEFT_OUT = {"error": "left out by --engines"}


@dataclasses.dataclass
class Setup:
    """What a run of the bench is about: the programs, the files they read, and how long is measured."""
    tercel: str
    build: pathlib.Path
    venv: pathlib.Path
    work: pathlib.Path
    batches: list
    rounds: int = 3
    slices: int = 5
    seconds: float = 0.1
    names: tuple = NAMES  # of the engines that run

    def program(self, engine):
        path = self.build / "bench/peers" / f"peers_{engine}"
        if not path.is_file():
            raise SystemExit(f"{path} is not built; run ./dev bench peers")
        return str(path)


# The settings that a peer is tried with beside its defaults, and their arguments.
OTHER_SETTINGS = {"onnxruntime, blocking": ["--spin", "0"], "openvino, unpinned": ["--pin", "0"]}


def engine_of(variant):
    return variant.split(",")[0]


def variants(setup, threads):
    """The engines with their defaults, then their other settings. Whether helpers spin only matters when there are some."""
    others = [v for v in OTHER_SETTINGS if threads > 1 or v != "onnxruntime, blocking"]
    return [v for v in [*NAMES, *others] if engine_of(v) in setup.names]


def command(setup, case, variant, threads, extra=()):
    """The program and arguments that open the case."""
    engine = engine_of(variant)
    program = setup.program(engine)
    try:
        path = case.onnx_path(setup.work)
    except Exception as error:  # the quantizer's own refusals come in many types
        raise Refused(f"quantization failed: {type(error).__name__}: {error}") from error
    words = [*case.ports(path), "--threads", str(threads), *OTHER_SETTINGS.get(variant, []), *extra]
    if engine == "tercel":
        plan, _ = cases.compile_plan(setup.tercel, case, setup.batches, path)
        return [program, str(plan), *words]
    if engine == "onnxruntime":
        words += ["--library", str(cases.library(setup.venv, "onnxruntime/capi/libonnxruntime.so.*"))]
    return [program, str(path), *words]


def start(setup, case, variant, threads, extra=()):
    return Worker(command(setup, case, variant, threads, extra))
