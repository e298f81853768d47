"""What a round trip costs: models that compute nothing, a closed loop."""
from bench import Variant, best, ours
from figures import bar, median, ratio
from generator import client, quantiles, shares
from models import Model

QUESTION = "round trips of a model that computes nothing, closed loop"
PLACEMENT = "apart"
SIZES = {"784 floats": ("small", 784, 10), "602 KB": ("large", 150_528, 1000)}
CONNECTIONS = (1, 8, 64)
PER_SECOND_MIN = {"784 floats": (1.8, 1.5, 1.5), "602 KB": (2.0, 1.5, 1.5)}  # Tercel's over Triton's, by connections
COLUMNS = [("requests/s", "per_second", "rate"), ("p50", "p50", "ms"), ("p99", "p99", "ms"), ("failed", "failed", "percent"),
           ("generator's CPU", "generator", "percent")]


def models():
    made = [Model(name, floats, out, batch=8, policy=None) for name, floats, out in SIZES.values()]
    batched = [Model(f"{name}_batched", floats, out, batch=8) for name, floats, out in SIZES.values()]
    # Tercel's batch would be one: putting rows together costs more than these models.
    return [Model(name, floats, out) for name, floats, out in SIZES.values()], made + batched


def measure(bench):
    loads = {f"{size}, {n} connection{'s' * (n > 1)}": (model, n) for size, (model, _, _) in SIZES.items() for n in CONNECTIONS}
    variants = [Variant("tercel", "tercel", ""), Variant("triton", "triton", ""), Variant("triton, dynamic batching", "triton", "_batched")]

    def once(variant, load, seed):
        model, connections = load
        report = bench.run(variant, [client("all", model + variant.model, connections=connections)], seed)
        mine = report["clients"]["all"]
        return {"per_second": mine["achieved_per_second"], **quantiles(mine), "failed": 1 - shares(mine)["in_time"],
                "generator": report["generator_cpu_share"]}

    rows = bench.rows(loads, variants, once)
    bars = []
    least = {f"{size}, {n} connection{'s' * (n > 1)}": PER_SECOND_MIN[size][i] for size in SIZES for i, n in enumerate(CONNECTIONS)}
    for load in loads:
        theirs = best(rows, load, "per_second")
        if theirs:
            of = lambda metric: ratio(median(ours(rows, load), metric), median(theirs, metric))  # noqa: E731, B023
            bars.append(bar(f"{load}: requests/s over {theirs['server']}", of("per_second"), at_least=least[load]))
    return {"columns": COLUMNS, "rows": rows, "bars": bars, "notes": []}
