"""The questions beside the table: a busy neighbour, the tail of many runs, and the way to the first answer."""
import contextlib
import dataclasses
import os
import subprocess
import sys
import tempfile

import engines
import figures
import interleave
from worker import Refused

NEIGHBOUR_MODELS = ("resnet18", "mlp_100", "mlp_784", "mlp_wide")
NEIGHBOUR_RUNS = 300  # at least, so that p99 has some beyond it
TAIL_MODEL, STARTUP_MODEL = "resnet18", "resnet50"
TAIL_SLICE_SECONDS = 1
STARTUP_PROCESSES, STARTUP_SLICE_SECONDS = 5, 0.3


@contextlib.contextmanager
def busy_process():
    """A process that computes without pause on the last CPU that this one may use; yields that CPU."""
    cpu = max(os.sched_getaffinity(0))
    code = f"import os\nos.sched_setaffinity(0, {{{cpu}}})\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield cpu
    finally:
        process.kill()
        process.wait()


def neighbour(setup, case, threads=2):
    """One row beside a busy process, and the p99 of the same row without it."""
    quiet = interleave.best_variant(interleave.measure(setup, case, threads, runs=NEIGHBOUR_RUNS)[0], "p99")
    with busy_process() as cpu:
        busy = interleave.best_variant(interleave.measure(setup, case, threads, runs=NEIGHBOUR_RUNS)[0], "p99")
    result = {"model": case.name, "batch": case.batch, "threads": threads, "cpu": cpu, "quiet": quiet, "engines": busy}
    return {**result, "ratios_p99": figures.ratios(result, "p99"), "ratios": figures.ratios(result)}


def tails(setup, case, threads, runs):
    """p99.9 over p50 of at least `runs` runs of each engine, in slices that take turns."""
    errors, result = {}, {}
    with interleave.opened(setup, case, engines.variants(setup, threads), threads, errors) as workers:
        counts = dict.fromkeys(workers, 0)
        while workers and min(counts[name] for name in workers) < runs:
            for name, more in interleave.turns(workers, len(workers), TAIL_SLICE_SECONDS, errors).items():
                counts[name] += more
        for name, worker in workers.items():
            result[name] = figures.summarize([worker.times()])
            tail, middle = result[name]["p99.9"], result[name]["p50"]
            result[name]["spread"] = tail / middle if tail else None
    result.update({name: {"error": text} for name, text in errors.items()})
    return {"model": case.name, "batch": case.batch, "threads": threads, "engines": result}


def startup(setup, case, threads):
    """Opening, the first run and the steady run, each process fresh. The peers also from what they prepare ahead of time:
    ONNX Runtime's optimized model, OpenVINO's exported one."""
    told, errors = {}, {}
    with tempfile.TemporaryDirectory(prefix="tercel-peers-") as folder:
        prepared = {f"{name}, prepared": ("--prepared", f"{folder}/{name}.model") for name in setup.names if name != "tercel"}
        ways = {**dict.fromkeys(setup.names, ()), **prepared}
        for i in range(STARTUP_PROCESSES + 1):
            for name in [n for n in ways if n not in errors]:
                try:
                    with engines.start(setup, case, name, threads, ways[name]) as worker:
                        opened = {**worker.opened, "p50": worker.ask("slice", STARTUP_SLICE_SECONDS, 5)["p50"]}
                except Refused as error:
                    errors[name] = str(error)
                    continue
                if i > 0:  # the first of each fills the page cache and prepares
                    told.setdefault(name, []).append(opened)
    result = {name: {"error": errors[name]} if name in errors else start_figures(told[name]) for name in ways}
    return {"model": case.name, "batch": case.batch, "threads": threads, "engines": result}


def start_figures(told):
    """The medians over the processes."""
    figure = {key: figures.median([t[key] for t in told]) for key in ("open_us", "first_run_us", "p50")}
    return {**figure, "first_over_p50": figure["first_run_us"] / figure["p50"]}


def chosen(cases, names):
    """The cases at batch one of the wanted models."""
    return [dataclasses.replace(case, batch=1) for case in {c.name: c for c in cases}.values() if case.name in names]
