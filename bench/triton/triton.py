#!/usr/bin/env python3
"""The same loads against Tercel and against Triton on this machine: same generator, same run, taking turns.

    ./dev bench triton [--scenario NAME,...] [--seconds S] [--rounds N] [--placement split] [--no-triton] [--json]

bench/triton/README.md says how it is measured and what favours whom. Exit 1 when a bar is missed.
"""
import argparse
import json
import pathlib
import platform
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "bench/peers")]
import machine  # noqa: E402
import placement  # noqa: E402
import report  # noqa: E402
import scenarios  # noqa: E402
import servers  # noqa: E402
from bench import Bench, Setup  # noqa: E402


def names(text):
    if unknown := [name for name in text.split(",") if name not in scenarios.ALL]:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(scenarios.ALL)}")
    return list(dict.fromkeys(text.split(",")))


def number(kind, low, high):
    def parse(text):
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be from {low} to {high}")
        return value
    return parse


def placement_named(text):
    try:
        return placement.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse(words):
    parser = argparse.ArgumentParser(prog="./dev bench triton", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--venv", type=pathlib.Path, default=ROOT / "build/triton-venv")
    parser.add_argument("--scenario", type=names, default=list(scenarios.ALL), help="all when absent")
    parser.add_argument("--seconds", type=number(float, 0.1, 600), default=5, help="that a run measures")
    parser.add_argument("--rounds", type=number(int, 1, 100), default=3, help="runs of every cell")
    parser.add_argument("--placement", type=placement_named, help="apart, split or shared, or CPUs of the server and of the generator, as taskset has them")
    parser.add_argument("--saturation", type=number(float, 1, 1e6), help="requests a second for `overload` (default: the higher of both, measured)")
    parser.add_argument("--no-triton", action="store_true", help="Tercel alone")
    parser.add_argument("--no-batching", action="store_true", help="Tercel without [batching]")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output instead of tables")
    return parser.parse_args(words)


def built(folder, name):
    found = next((path for path in folder.rglob(name) if path.is_file()), None)
    return found or sys.exit(f"{name} is not built in {folder}; run ./dev bench triton")


def setup_of(arguments):
    tercel = built(arguments.build, "tercel")
    return Setup(tercel=tercel, tercel_serve=built(arguments.build, "tercel-serve"), backend=built(arguments.build, "libtriton_delay.so"),
                 sentinel=built(arguments.build, "sentinel"),
                 triton=None if arguments.no_triton else servers.triton_binary(arguments.venv), seconds=arguments.seconds, rounds=arguments.rounds,
                 batching=not arguments.no_batching, saturation=arguments.saturation)


def facts_of(setup, folder):
    told = json.loads(subprocess.run([setup.tercel, "version", "--json"], capture_output=True, text=True, check=True).stdout)
    versions = {"tercel": told["version"]}
    if setup.triton:
        (folder / "nothing").mkdir()
        with servers.Triton(setup.triton, folder / "nothing", folder, None) as server:
            versions["triton"] = server.version
    return {**machine.facts(versions, told["isa"]), "kernel": platform.release(), "seconds": setup.seconds, "rounds": setup.rounds,
            "tercel_batching": setup.batching}


def measure(scenario, setup, where, folder):
    with Bench(setup, where, folder, *scenario.models()) as bench:
        result = scenario.measure(bench)
        return {"question": scenario.QUESTION, "placement": vars(where), **result, "notes": result["notes"] + bench.notes()}


def main():
    arguments = parse(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="tercel-triton-") as name:
        folder = pathlib.Path(name)
        setup = setup_of(arguments)
        watch, results = machine.Watch(), {}
        facts = facts_of(setup, folder)
        if not arguments.json:
            print(report.header(facts), flush=True)
        for wanted in arguments.scenario:
            scenario = scenarios.ALL[wanted]
            (folder / wanted / "tercel").mkdir(parents=True)
            (folder / wanted / "triton").mkdir()
            results[wanted] = measure(scenario, setup, arguments.placement or placement.usual(scenario.PLACEMENT), folder / wanted)
            if not arguments.json:
                print(report.scenario(wanted, results[wanted]), flush=True)
        quiet = watch.report()
    passed = all(bar["passed"] for result in results.values() for bar in result["bars"])
    print(json.dumps({**facts, "passed": passed, "machine": quiet, "scenarios": results}) if arguments.json else report.footer(quiet))
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"triton.py: {error}")
