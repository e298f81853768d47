"""Whether a ladder of two variants keeps its deadlines at twice what the accurate one can do, and how often the accurate one still answers."""
from bench import Variant, ours
from figures import bar, median
from generator import client, quantiles, shares
from models import Model

QUESTION = "a ladder of 4 ms and 1 ms, offered twice what the accurate variant can do, 50 ms each; the accurate one's share of the answers"
PLACEMENT = "split"
ACCURATE_US, FACTOR, DEADLINE_MS, OVER = 4000, 4, 50, 2
IN_TIME_MIN = 0.99
MIX_BOUND = (1 - 2 / FACTOR) / (2 - 2 / FACTOR)  # the accurate one's share when the CPU is used up by both
SHARE_OF_BOUND_MIN = 0.9
COLUMNS = [("in time", "in_time", "percent"), ("accurate", "accurate", "percent"), ("of the bound", "of_bound", "percent"), ("refused", "refused", "percent"),
           ("504", "deadline", "percent"), ("late", "late", "percent"), ("p50", "p50", "ms"), ("p99", "p99", "ms")]


def models():
    return [Model("ladder", ladder=(("accurate", 0.98, ACCURATE_US), ("fast", 0.95, ACCURATE_US / FACTOR)), us=1)], []


def answers(server):
    """By variant, since the server began."""
    return {name: server.metric("tercel_variant_answers_total", variant=name) for name in ("accurate", "fast")}


def measure(bench):
    variants = [Variant("tercel", "tercel", "ladder", {"class": "hard"})]

    def once(variant, _, seed):
        server = bench.fleet.at_rest("tercel")
        before = answers(server)
        mine = bench.run(variant, [client("all", "ladder", DEADLINE_MS, rate=OVER * 1e6 / ACCURATE_US, connections=500, **variant.more)], seed)["clients"]["all"]
        given = {name: count - before[name] for name, count in answers(server).items()}
        accurate = given["accurate"] / max(sum(given.values()), 1)
        return {**shares(mine), **quantiles(mine), "accurate": accurate, "of_bound": accurate / MIX_BOUND}

    rows = bench.rows({"2 x accurate": None}, variants, once)
    mine = ours(rows, "2 x accurate")
    bars = [bar("in time", median(mine, "in_time"), at_least=IN_TIME_MIN), bar("accurate, of the mix bound", median(mine, "of_bound"), at_least=SHARE_OF_BOUND_MIN)]
    return {"columns": COLUMNS, "rows": rows, "bars": bars, "notes": [f"mix bound {100 * MIX_BOUND:.1f} %; warm-up counts in the shares"]}
