"""Whether what is admitted stays in time beside bulk work of half a second."""
from bench import Variant, ours
from figures import bar, median
from generator import client, quantiles, shares
from models import Model
from scenarios import overload

QUESTION = "the model and the loads of `overload`, beside two connections that ask a 500 ms model for bulk work again and again"
PLACEMENT = "split"
STEPS, FLOOD = 500, 2
MISSED_MAX = 0.001  # of what was admitted
COLUMNS = [("goodput", "goodput", "percent"), ("missed of admitted", "missed", "percent"), ("refused", "refused", "percent"),
           ("refusal p50", "refusal_p50", "ms"), ("refusal p99", "refusal_p99", "ms"), ("504", "deadline", "percent"), ("late", "late", "percent"),
           ("bulk", "bulk", "rate")]


def models():
    return [Model("spin", us=overload.COST_US, factor=overload.FACTOR, batch=overload.BATCH), Model("long", us=500_000, steps=STEPS)], []


def measure(bench):
    base = bench.setup.saturation or overload.computed_saturation()
    variants = [Variant("tercel", "tercel", "spin", {"class": "hard"})]

    def once(variant, load, seed):
        asking = client("all", variant.model, overload.DEADLINE_MS, rate=round(load * base, 3), connections=overload.CONNECTIONS, **variant.more)
        both = bench.run(variant, [asking, client("bulk", "long", connections=FLOOD, **{"class": "bulk"})], seed)["clients"]
        mine, told = both["all"], shares(both["all"])
        refusal = quantiles(mine, "refused_us")
        missed = (told["late"] + told["deadline"]) / max(1 - told["refused"], 1e-9)
        return {"goodput": mine["goodput_per_second"] / base, **told, "missed": missed, "refusal_p50": refusal["p50"],
                "refusal_p99": refusal["p99"], "bulk": both["bulk"]["achieved_per_second"]}

    loads = {f"{load:g} x saturation": load for load in overload.LOADS}
    rows = bench.rows(loads, variants, once)
    bars = [bar(f"{title}: missed of admitted", median(ours(rows, title), "missed"), at_most=MISSED_MAX) for title in loads]
    return {"columns": COLUMNS, "rows": rows, "bars": bars, "notes": [f"saturation {base:.0f}/s"]}
