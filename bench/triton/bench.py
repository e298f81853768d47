"""What every scenario needs: both servers with its models, pinned, and runs that take turns."""
import collections
import contextlib
import dataclasses
import pathlib
import sys

import answers
import figures
import generator
import models
import servers


@dataclasses.dataclass(frozen=True)
class Setup:
    """How the whole program was asked to measure."""
    tercel: pathlib.Path
    tercel_serve: pathlib.Path
    backend: pathlib.Path  # libtriton_delay.so
    sentinel: pathlib.Path
    triton: pathlib.Path   # the server's binary; None: Tercel alone
    seconds: float
    rounds: int
    batching: bool         # Tercel's
    saturation: float      # requests a second; None: measured
    quiet: bool = False


@dataclasses.dataclass(frozen=True)
class Variant:
    """One line of a table: a server, one of its models, and what its clients say besides."""
    label: str
    server: str                   # "tercel" or "triton"
    model: str
    more: dict = dataclasses.field(default_factory=dict)
    instances: int = 1
    fresh: bool = False           # a fresh server for every run (README: what Triton's queue policies do to it)


class Bench:
    """One scenario's servers. A context: they live inside it."""

    def __init__(self, setup, placement, folder, tercel_models, triton_models):
        self.setup, self.placement, self.folder = setup, placement, pathlib.Path(folder)
        tercel_repository, triton_repository = self.folder / "tercel/models", self.folder / "triton/models"
        models.write_tercel(tercel_repository, tercel_models, setup.tercel, setup.batching)
        makers = {"tercel": lambda: servers.Tercel(setup.tercel_serve, tercel_repository, placement.server, placement.tercel)}
        if setup.triton:
            backends = self.folder / "triton/backends"
            models.write_triton(triton_repository, triton_models)
            servers.write_backend(setup.backend, backends)
            makers["triton"] = lambda: servers.Triton(setup.triton, triton_repository, backends, placement.server)
        self.fleet = servers.Fleet(makers)
        self.warnings = collections.Counter()  # of the generator, by server and sentence
        self.shared = [m for m in tercel_models if m in triton_models] if setup.triton else []

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.stack.enter_context(self.fleet)
        for model in self.shared:
            answers.compare(model, *(self.fleet.at_rest(name).url for name in ("tercel", "triton")))
        return self

    def __exit__(self, *error):
        self.stack.close()

    def run(self, variant, clients, seed, warmup=1.0, timeout=10.0):
        """One run of the generator against a variant's server at rest."""
        at = self.fleet.at_rest(variant.server, variant.fresh)
        report = generator.run(self.setup.tercel, at.url, clients, self.folder, self.setup.seconds, warmup, timeout, seed, self.placement.load)
        self.warnings.update((variant.server, generator.kind_of(warning)) for warning in report["warnings"])
        return report

    def rows(self, loads, variants, once):
        """One row for each load and variant. `loads`: {title: value}; `once(variant, value, seed)`: {metric: value} of one run.
        The variants take turns, who begins changes from round to round, and a round's seed is the same for all."""
        variants = [v for v in variants if v.server in self.fleet.makers]
        runs = {(title, v.label): [] for title in loads for v in variants}
        for i in range(self.setup.rounds):
            first = i % len(variants)
            for title, value in loads.items():
                for variant in variants[first:] + variants[:first]:
                    self.progress(f"round {i + 1} of {self.setup.rounds}: {title}, {variant.label}")
                    runs[title, variant.label].append(once(variant, value, seed=i + 1))
        return [{"load": title, "server": label, "figures": figures.figures(each)} for (title, label), each in runs.items()]

    def notes(self):
        """What a reader must know about how the runs went."""
        made = [f"{count} run{'s' * (count > 1)} against {server}: {warning}" for (server, warning), count in sorted(self.warnings.items())]
        if self.fleet.restarts:
            made.append(f"{self.fleet.restarts} of the servers had not come to rest {servers.REST_SECONDS} s after a run and were replaced")
        return made

    def progress(self, text):
        if not self.setup.quiet:
            print(text, file=sys.stderr, flush=True)


def best(rows, load, metric, sign=1):
    """Triton's best row at a load, by a metric; None without Triton."""
    theirs = [row for row in rows if row["load"] == load and row["server"] != "tercel" and figures.median(row, metric) is not None]
    return max(theirs, key=lambda row: sign * figures.median(row, metric), default=None)


def ours(rows, load):
    return next(row for row in rows if row["load"] == load and row["server"] == "tercel")


def bulk_kept(rows, variants):
    """Adds "kept": bulk's rate in each run over the highest of its server with so many instances, alone or not. A variant that stalls alone
    would otherwise seem to keep more than everything."""
    group = {v.label: (v.server, v.instances) for v in variants}
    most = {}
    for row in rows:
        key = group[row["server"]]
        most[key] = max([most.get(key, 0), *(figures.median(row, metric) or 0 for metric in ("bulk", "bulk_alone"))])
    for row in rows:
        rates = row["figures"]["bulk"]["values"]
        row["figures"]["kept"] = figures.figure([figures.ratio(rate, most[group[row["server"]]]) for rate in rates])
