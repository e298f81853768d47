"""Resident memory of a process that holds one session after ten runs, and what a second such process adds."""
import engines
from worker import Refused

RUNS = 10
ONE_SET = ("--pool-bytes", "0")


def used(worker):
    worker.ask("runs", RUNS)
    return worker.ask("memory")


def of_engine(setup, case, engine, threads):
    """Bytes: rss and pss of the process; session: rss less that of the same process before it opened the model; second: what
    two processes hold together (pss) less what one alone held."""
    with engines.start(setup, case, engine, threads, ONE_SET) as first:
        alone = used(first)
        result = {"rss": alone["rss"], "pss": alone["pss"], "session": alone["rss"] - first.opened["idle"]["rss"]}
        with engines.start(setup, case, engine, threads, ONE_SET) as second:
            other = used(second)
            result["second"] = first.ask("memory")["pss"] + other["pss"] - alone["pss"]
            result["second_private"] = other["private"]
    return result


def row(setup, case, threads):
    result = {"model": case.name, "precision": case.precision, "batch": case.batch, "threads": threads, "engines": {}}
    for engine in engines.NAMES:
        if engine not in setup.names:
            result["engines"][engine] = engines.LEFT_OUT
            continue
        try:
            result["engines"][engine] = of_engine(setup, case, engine, threads)
        except Refused as error:
            result["engines"][engine] = {"error": str(error)}
    return result
