"""Whether urgent requests get through a flood of others in the same model, and what that costs the flood."""
from bench import Variant, bulk_kept, ours
from figures import bar, median
from generator import client, quantiles, shares
from models import Model

QUESTION = "one model of 1 ms, batches of up to 8: 100 interactive requests a second, 10 ms each, in a flood of 64 connections"
PLACEMENT = "split"
RATE, DEADLINE_MS, FLOOD = 100, 10, 64
IN_TIME_MIN, KEPT_MIN = 0.999, 0.90
COLUMNS = [("interactive in time", "in_time", "percent"), ("p50", "p50", "ms"), ("p99", "p99", "ms"), ("refused", "refused", "percent"),
           ("504", "deadline", "percent"),
           ("late", "late", "percent"), ("bulk", "bulk", "rate"), ("bulk alone", "bulk_alone", "rate"), ("bulk kept", "kept", "percent")]
LEVELS = "priority_levels: 2 default_priority_level: 2"


def models():
    spin = Model("spin", us=1000, batch=8)
    return [spin], [spin, Model("spin_levels", us=1000, batch=8, policy=LEVELS),
                    Model("spin_levels_2", us=1000, batch=8, policy=LEVELS, instances=2)]


def measure(bench):
    level = lambda number: {"parameters": {"priority": number}}  # noqa: E731
    classed, plain, levels = ({"class": "hard"}, {"class": "bulk"}), ({}, {}), (level(1), level(2))
    said = {"spin_levels": levels, "spin_levels_2": levels}
    variants = [Variant("tercel", "tercel", "spin"), Variant("triton", "triton", "spin"),
                Variant("triton, priority levels", "triton", "spin_levels", fresh=True),
                Variant("triton, priority levels, 2 instances", "triton", "spin_levels_2", instances=2, fresh=True)]

    def once(variant, _, seed):
        interactive, bulk = classed if variant.server == "tercel" else said.get(variant.model, plain)
        flood = client("bulk", variant.model, connections=FLOOD, **bulk)
        alone = bench.run(variant, [flood], seed)["clients"]["bulk"]
        both = bench.run(variant, [client("interactive", variant.model, DEADLINE_MS, rate=RATE, **interactive), flood], seed)["clients"]
        mine, rate = both["interactive"], both["bulk"]["achieved_per_second"]
        return {**shares(mine), **quantiles(mine), "bulk": rate, "bulk_alone": alone["achieved_per_second"]}

    load = "flood"
    rows = bench.rows({load: None}, variants, once)
    bulk_kept(rows, variants)
    mine = ours(rows, load)
    bars = [bar("interactive in time", median(mine, "in_time"), at_least=IN_TIME_MIN), bar("bulk kept", median(mine, "kept"), at_least=KEPT_MIN)]
    return {"columns": COLUMNS, "rows": rows, "bars": bars, "notes": []}
