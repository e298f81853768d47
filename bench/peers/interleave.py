"""The measurement: every engine's process is open at once, asleep but for its turn; they take turns in short slices."""
import contextlib
import math

import cases
import engines
import figures
from worker import Refused

SLICE_RUNS_MIN = 5
RUNS_MIN = 120  # of a row, so that p99 can be told (figures.py)
AGREE_MAX = {"f32": 1e-2, "int8": 0.25}  # of the largest magnitude; int8 engines round differently


def ask(workers, name, errors, *words):
    """The worker's answer; a worker that fails is let go, and `errors` says why."""
    try:
        return workers[name].ask(*words)
    except Refused as error:
        errors[name] = str(error)
        del workers[name]
        return None


def turns(workers, slices, seconds, errors, runs=SLICE_RUNS_MIN):
    """Slices of every worker, at least `runs` runs each; who goes first changes from slice to slice. How often each ran."""
    names, counts = list(workers), dict.fromkeys(workers, 0)
    for worker in workers.values():
        worker.rest()
    for i in range(slices):
        first = i % len(names)
        for name in (n for n in names[first:] + names[:first] if n in workers):
            answer = ask(workers, name, errors, "slice", seconds, runs)
            if answer:
                counts[name] += answer["runs"]
                workers[name].rest()
    return {name: counts[name] for name in workers}


@contextlib.contextmanager
def opened(setup, case, names, threads, errors, extra=()):
    """Workers by name; those that refuse are left out, and `errors` says why."""
    with contextlib.ExitStack() as stack:
        workers = {}
        for name in names:
            try:
                workers[name] = stack.enter_context(engines.start(setup, case, name, threads, extra))
            except Refused as error:
                errors[name] = str(error)
        yield workers


def distance(a, b):
    """The largest difference between two engines' answers, relative to the largest magnitude."""
    worst = 0.0
    for name, theirs in a.items():
        pairs = [*zip(theirs["values"], b[name]["values"]), (theirs["norm"], b[name]["norm"])]
        if any(None in pair for pair in pairs):  # how JSON has what is not finite
            return math.inf
        scale = max([abs(v) for v in theirs["values"]] + [1e-30])
        worst = max([worst] + [abs(x - y) / scale for x, y in pairs[:-1]])
        worst = max(worst, abs(theirs["norm"] - b[name]["norm"]) / max(theirs["norm"], 1e-30))
    return worst


def disagreement(workers, errors):
    """Tercel's answers against each peer's."""
    told = {name: ask(workers, name, errors, "outputs") for name in list(workers)}
    answers = {name: answer["outputs"] for name, answer in told.items() if answer}
    ours = answers.pop("tercel", None)
    return {name: distance(theirs, ours) for name, theirs in answers.items()} if ours else {}


def measure(setup, case, threads, runs=RUNS_MIN):
    """{variant: figures or {"error"}} and {variant: distance from Tercel's answers}. At least `runs` runs of each."""
    per_slice = -(-runs // (setup.rounds * setup.slices))
    names, errors = engines.variants(setup, threads), {}
    times, told, distances = {}, {}, {}
    for i in range(setup.rounds):
        with opened(setup, case, [n for n in names if n not in errors], threads, errors) as workers:
            if i == 0:
                distances = disagreement(workers, errors)
            turns(workers, setup.slices, setup.seconds, errors, per_slice)
            for name, worker in workers.items():
                times.setdefault(name, []).append(worker.times())
                told.setdefault(name, []).append(worker.opened)
    result = {name: {"error": text} for name, text in errors.items()}
    for name in set(times) - set(errors):
        rounds = [figures.summarize([t])["p50"] for t in times[name]]
        opening = {key: figures.median([t[key] for t in told[name]]) for key in ("open_us", "first_run_us")}
        # One round may be a process with bad luck: the middle one counts. Tails need all runs.
        result[name] = {**figures.summarize(times[name]), "p50": figures.median(rounds), "rounds": rounds, **opening}
    return result, distances


def best_variant(measured, figure="p50"):
    """An engine's figures are those of its fastest variant; "variants" has the figure of each."""
    result = {}
    for name in engines.NAMES:
        told = {v: f for v, f in measured.items() if engines.engine_of(v) == name}
        ran = {v: f[figure] for v, f in told.items() if f.get(figure) is not None}
        if ran:
            best = min(ran, key=ran.get)
            result[name] = {**told[best], "variant": best, "variants": ran}
        else:
            result[name] = next(iter(told.values()), engines.LEFT_OUT)
    return result


def row(setup, case, threads):
    measured, distances = measure(setup, case, threads)
    row = {"model": case.name, "precision": case.precision, "batch": case.batch, "threads": threads,
           "engines": best_variant(measured), "floor_us": None, "floor_ratio": None, "compile_seconds": None}
    if "error" not in row["engines"]["tercel"]:
        plan, row["compile_seconds"] = cases.compile_plan(setup.tercel, case, setup.batches, case.onnx_path(setup.work))
        row["floor_us"] = cases.floor_us(setup.tercel, case, plan, threads)
        row["floor_ratio"] = row["engines"]["tercel"]["p50"] / row["floor_us"]
    row["ratios"], row["ratio_range"] = figures.ratios(row), figures.ratio_range(row)
    row["disagreement"] = {name: d if math.isfinite(d) else None for name, d in distances.items()}
    row["agree"] = all(d <= AGREE_MAX[case.precision] for d in distances.values())
    return row
