"""Whether a reserved stream is in time beside bulk work that takes all the rest."""
from bench import Variant, ours
from figures import bar, median
from generator import client, quantiles, shares
from models import Model
from sentinel import Watch, excused

QUESTION = "a reserved stream of 200 requests a second, 1 ms each within 5 ms, beside a flood of 64 connections to a 20 ms model on the same CPU"
PLACEMENT = "split"
RATE, DEADLINE_MS, FLOOD = 200, 5, 64
MISSED_MAX = 0
COLUMNS = [("missed", "missed", "count"), ("excused", "excused", "count"), ("requests", "requests", "count"), ("p50", "p50", "ms"), ("p99", "p99", "ms"),
           ("in time", "in_time", "percent"), ("bulk", "bulk", "rate")]


def models():
    return [Model("tick", us=1000), Model("long", us=20_000, steps=40)], []


def measure(bench):
    variants = [Variant("tercel", "tercel", "")]

    def once(variant, _, seed):
        tick = client("tick", "tick", DEADLINE_MS, rate=RATE, arrivals="constant", reservation="auto")
        flood = client("bulk", "long", connections=FLOOD, **{"class": "bulk"})
        with Watch(bench.setup.sentinel) as watch:
            both = bench.run(variant, [tick, flood], seed, warmup=2.0)["clients"]
        mine, flights = both["tick"], bench.fleet.at_rest("tercel").debug_requests()["missed"]
        told = shares(mine)
        missed = round((1 - told["in_time"]) * mine["requests"])
        return {"missed": missed, "excused": min(missed, excused(flights, "tick", watch.gaps)), "requests": mine["requests"],
                "in_time": told["in_time"], **quantiles(mine), "bulk": both["bulk"]["achieved_per_second"]}

    rows = bench.rows({"flood": None}, variants, once)
    mine = ours(rows, "flood")
    bars = [bar("missed, and not for a gap of the machine", median(mine, "missed") - median(mine, "excused"), at_most=MISSED_MAX)]
    return {"columns": COLUMNS, "rows": rows, "bars": bars,
            "notes": ["excused: a real-time thread on one of the CPUs did not get it for half a millisecond or longer during the request"]}
