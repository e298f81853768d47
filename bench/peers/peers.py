#!/usr/bin/env python3
"""Tercel against ONNX Runtime and OpenVINO on the same files: interleaved slices, rotating inputs, medians and tails.

    ./dev bench peers [--models NAME,...] [--threads 1,2] [--batch 1,4,8] [--precision f32,int8] [--json]
                      [--svg FILE] [--markdown docs/performance.md]
    ./dev bench peers --neighbour | --tails | --startup      one of the other questions instead of the table

bench/peers/README.md says how it is measured and why that is fair.
"""
import argparse
import json
import pathlib
import shlex
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/models"))
import cases  # noqa: E402
import engines  # noqa: E402
import extras  # noqa: E402
import interleave  # noqa: E402
import machine  # noqa: E402
import markdown  # noqa: E402
import memory  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
import zoo  # noqa: E402
from worker import Refused  # noqa: E402


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def numbers(text):
    return [positive(x) for x in text.split(",")]


def duration(text):
    value = float(text)
    if not 0 < value <= 600:
        raise argparse.ArgumentTypeError("must be above 0 and at most 600 seconds")
    return value


def some_of(*choices):
    """A list of names out of `choices`, separated by commas."""
    def names(text):
        if unknown := [n for n in text.split(",") if n not in choices]:
            raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(choices)}")
        return list(dict.fromkeys(text.split(",")))
    return names


def parse(words):
    parser = argparse.ArgumentParser(prog="./dev bench peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--venv", type=pathlib.Path, default=ROOT / "build/peers-venv")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/models")
    parser.add_argument("--models", type=some_of(*cases.MODELS), default=list(cases.MODELS))
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--batch", type=numbers, default=[1])
    parser.add_argument("--sequence", type=positive, default=128)
    parser.add_argument("--precision", type=some_of("f32", "int8"), default=["f32"])
    parser.add_argument("--engines", type=some_of(*engines.NAMES), default=list(engines.NAMES))
    parser.add_argument("--rounds", type=positive, default=3, help="fresh processes of every engine")
    parser.add_argument("--slices", type=positive, default=5, help="turns of every engine in a round")
    parser.add_argument("--seconds", type=duration, default=0.1, help="of a slice")
    parser.add_argument("--no-memory", action="store_true", help="leave the memory table out")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output instead of tables")
    parser.add_argument("--svg", type=pathlib.Path, help="write the plot there")
    parser.add_argument("--markdown", type=pathlib.Path, help="write the page there and the plot beside it")
    questions = parser.add_mutually_exclusive_group()
    questions.add_argument("--neighbour", action="store_true", help="p99 beside a busy process")
    questions.add_argument("--tails", type=positive, nargs="?", const=10_000, metavar="RUNS", help="p99.9 over p50 of many runs (10,000)")
    questions.add_argument("--startup", action="store_true", help="opening and the first run")
    arguments = parser.parse_args(words)
    if (arguments.neighbour or arguments.tails or arguments.startup) and (arguments.svg or arguments.markdown):
        parser.error("--svg and --markdown show the table, not --neighbour, --tails or --startup")
    return arguments


def setup_of(arguments):
    return engines.Setup(tercel=str(arguments.build / "tercel"), build=arguments.build, venv=arguments.venv, work=arguments.work,
                         batches=arguments.batch, rounds=arguments.rounds, slices=arguments.slices, seconds=arguments.seconds,
                         names=tuple(arguments.engines))


def wanted(arguments):
    return [cases.Case(name, batch, precision, arguments.sequence)
            for precision in arguments.precision for name in arguments.models for batch in arguments.batch
            if precision == "f32" or cases.MODELS[name] not in zoo.TREES]  # trees have nothing to quantize


def versions_of(setup):
    """The engines' own words, from opening the smallest model."""
    told, isa = {}, ""
    for name in setup.names:
        with engines.start(setup, cases.Case("linear_regression", 1), name, 1, memory.ONE_SET) as worker:
            told[name] = worker.opened["version"].split("-")[0]
            isa = worker.opened["isa"] or isa
    return told, isa


def show(arguments, line):
    """Progress: on standard output where that is the report, else on standard error."""
    print(line, file=sys.stderr if arguments.json else sys.stdout, flush=True)


def table_lines(arguments, chosen, setup, results):
    """The main table, a line as soon as it is measured."""
    header = report.latency_header()
    widths = [max(len(name) for name in arguments.models), *(max(len(name), 9) for name in header[1:])]
    line = lambda cells: report.padded(cells, header, widths)  # noqa: E731
    for precision in arguments.precision:
        show(arguments, f"{precision}, microseconds\n{line(header)}")
        for case in (c for c in chosen if c.precision == precision):
            for threads in arguments.threads:
                results["rows"].append(interleave.row(setup, case, threads))
                show(arguments, line(report.latency_row(results["rows"][-1])))
        rows = [r for r in results["rows"] if r["precision"] == precision]
        for text in [*report.mean_lines(rows), *report.refusals(rows), ""]:
            show(arguments, text)


def measure(arguments, setup, results):
    chosen = wanted(arguments)
    if arguments.neighbour:
        results["neighbour"] = [extras.neighbour(setup, case) for case in extras.chosen(chosen, extras.NEIGHBOUR_MODELS)]
    elif arguments.tails:
        results["tails"] = [extras.tails(setup, case, threads, arguments.tails)
                            for case in extras.chosen(chosen, [extras.TAIL_MODEL]) for threads in arguments.threads]
    elif arguments.startup:
        results["startup"] = [extras.startup(setup, case, threads)
                              for case in extras.chosen(chosen, [extras.STARTUP_MODEL]) for threads in arguments.threads]
    else:
        table_lines(arguments, chosen, setup, results)
        if not arguments.no_memory:
            smallest = [c for c in chosen if c.batch == min(arguments.batch)]
            results["memory"] = [memory.row(setup, case, max(arguments.threads)) for case in smallest]


def finish(arguments, results):
    """Everything after the main table."""
    for title, rows, make in (("opening", results["rows"], report.open_table), ("memory, MB", results["memory"], report.memory_table),
                              ("beside a busy process", results["neighbour"], report.neighbour_table),
                              ("tails", results["tails"], report.tail_table), ("start-up", results["startup"], report.startup_table)):
        if rows:
            show(arguments, "\n".join([title, *report.aligned(make(rows)), ""]))
    for rows in (results["neighbour"], results["tails"], results["startup"]):
        for line in report.refusals(rows):
            show(arguments, line)
    show(arguments, report.machine_line(results["machine"]))
    show(arguments, report.noise_line(results["noise"]))
    if arguments.svg or arguments.markdown:
        write_pages(arguments, results)
    if arguments.json:
        print(json.dumps(results, allow_nan=False))


def write_pages(arguments, results):
    title = f"Latency on {results['machine']['isa']}, {results['machine']['cores']} cores"
    drawing = plot.svg(results["rows"], title)
    for path in {arguments.svg, arguments.markdown and arguments.markdown.with_suffix(".svg")} - {None}:
        path.write_text(drawing)
    if arguments.markdown:
        arguments.markdown.write_text(markdown.page(results, results["command"], arguments.markdown.with_suffix(".svg").name))


def main(words):
    arguments = parse(words)
    setup = setup_of(arguments)
    arguments.work.mkdir(parents=True, exist_ok=True)
    try:
        versions, isa = versions_of(setup)
    except Refused as error:
        sys.exit(f"an engine cannot run the smallest model: {error}")
    watch = machine.Watch()
    results = {"command": shlex.join(["./dev", "bench", "peers", *words]), "machine": machine.facts(versions, isa),
               "rows": [], "memory": [], "neighbour": [], "tails": [], "startup": []}
    measure(arguments, setup, results)
    results["noise"] = watch.report()
    results["geometric_mean"] = {p: report.figures.means([r for r in results["rows"] if r["precision"] == p]) for p in arguments.precision}
    finish(arguments, results)


if __name__ == "__main__":
    main(sys.argv[1:])
