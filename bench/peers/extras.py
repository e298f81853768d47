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

NEIGHBOUR_MODELS = ("resnet18", "mlp_100", "mlp_784", "mlp_wide")
TAIL_MODEL, STARTUP_MODEL = "resnet18", "resnet50"
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
    quiet = interleave.best_variant(interleave.measure(setup, case, threads)[0], "p99")
    with busy_process() as cpu:
        busy = interleave.best_variant(interleave.measure(setup, case, threads)[0], "p99")
    result = {"model": case.name, "batch": case.batch, "threads": threads, "cpu": cpu, "quiet": quiet, "engines": busy}
    return {**result, "ratios_p99": figures.ratios(result, "p99"), "ratios": figures.ratios(result)}


def tails(setup, case, threads, runs):
    """p99.9 over p50 of at least `runs` runs of each engine, in slices that take turns."""
    errors, result = {}, {}
    with interleave.opened(setup, case, engines.variants(threads), threads, errors) as workers:
        slices = max(1, setup.rounds * setup.slices)
        interleave.turns(workers, slices, setup.seconds, -(-runs // slices))
        for name, worker in workers.items():
            result[name] = figures.summarize([worker.times()])
            tail, middle = result[name]["p99.9"], result[name]["p50"]
            result[name]["spread"] = tail / middle if tail else None
    result.update({name: {"error": text} for name, text in errors.items()})
    return {"model": case.name, "batch": case.batch, "threads": threads, "engines": result}


def startup(setup, case, threads):
    """Opening, the first run and the steady run, each process fresh. OpenVINO also with its own cache of compiled models."""
    told = {}
    with tempfile.TemporaryDirectory(prefix="tercel-peers-") as cache:
        ways = {**dict.fromkeys(engines.NAMES, ()), "openvino, cached": ("--cache", cache)}
        for i in range(STARTUP_PROCESSES + 1):
            for name, extra in ways.items():
                with contextlib.suppress(engines.Refused), engines.start(setup, case, name, threads, extra) as worker:
                    p50 = worker.ask("slice", STARTUP_SLICE_SECONDS, 5)["p50"]
                    if i > 0:  # the first of each fills the page cache and OpenVINO's
                        told.setdefault(name, []).append({**worker.opened, "p50": p50})
    result = {}
    for name in ways:
        if name not in told:
            result[name] = {"error": "refused the model"}
            continue
        open_us, first, p50 = (figures.median([t[key] for t in told[name]]) for key in ("open_us", "first_run_us", "p50"))
        result[name] = {"open_us": open_us, "first_run_us": first, "p50": p50, "first_over_p50": first / p50}
    return {"model": case.name, "batch": case.batch, "threads": threads, "engines": result}


def chosen(cases, names):
    """The cases at batch one of the wanted models."""
    return [dataclasses.replace(case, batch=1) for case in {c.name: c for c in cases}.values() if case.name in names]
