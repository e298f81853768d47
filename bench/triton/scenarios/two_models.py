"""Whether a short model keeps its promise beside a flood of a long one."""
import dataclasses

from bench import Variant, bulk_kept, ours
from figures import bar, median
from generator import client, quantiles, shares
from models import Model

QUESTION = "a 1 ms model, 100 requests a second, 10 ms each, beside a flood of 64 connections to a 20 ms model"
PLACEMENT = "shared"
RATE, DEADLINE_MS, FLOOD = 100, 10, 64
WARMUP_SECONDS = 2.0  # until all 64 connections wait their turn
IN_TIME_MIN, KEPT_MIN = 0.999, 0.80
ABOVE_ALONE_MS_MAX = 1.5  # the longest step of the long model, and half a millisecond
COLUMNS = [("p99", "p99", "ms"), ("p99 alone", "p99_alone", "ms"), ("p50", "p50", "ms"), ("in time", "in_time", "percent"), ("refused", "refused", "percent"),
           ("504", "deadline", "percent"), ("late", "late", "percent"),
           ("bulk", "bulk", "rate"), ("bulk alone", "bulk_alone", "rate"), ("bulk kept", "kept", "percent")]


def models():
    short, long = Model("short", us=1000), Model("long", us=20_000, steps=20)
    return [short, long], [short, dataclasses.replace(long, instances=2)]  # the flood may take both CPUs


def measure(bench):
    said = {"tercel": ({"class": "hard"}, {"class": "bulk"}), "triton": ({}, {})}
    variants = [Variant("tercel", "tercel", ""), Variant("triton", "triton", "")]

    def once(variant, _, seed):
        interactive, bulk = said[variant.label]
        short = client("short", "short", DEADLINE_MS, rate=RATE, **interactive)
        flood = client("long", "long", connections=FLOOD, **bulk)
        run = lambda clients: bench.run(variant, clients, seed, warmup=WARMUP_SECONDS)["clients"]  # noqa: E731
        quiet, bulk_alone, both = run([short])["short"], run([flood])["long"]["achieved_per_second"], run([short, flood])
        mine, rate = both["short"], both["long"]["achieved_per_second"]
        return {**quantiles(mine), "p99_alone": quantiles(quiet)["p99"], **shares(mine), "bulk": rate, "bulk_alone": bulk_alone}

    load = "flood"
    rows = bench.rows({load: None}, variants, once)
    bulk_kept(rows, variants)
    mine = ours(rows, load)
    above = None if None in (median(mine, "p99"), median(mine, "p99_alone")) else median(mine, "p99") - median(mine, "p99_alone")
    bars = [bar("interactive in time", median(mine, "in_time"), at_least=IN_TIME_MIN), bar("p99 above alone, ms", above, at_most=ABOVE_ALONE_MS_MAX),
            bar("bulk kept", median(mine, "kept"), at_least=KEPT_MIN)]
    return {"columns": COLUMNS, "rows": rows, "bars": bars, "notes": []}
