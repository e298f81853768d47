"""What becomes of requests with a deadline when more are asked than can be answered."""
from bench import Variant, best, ours
from figures import bar, median, ratio
from generator import client, quantiles, shares
from models import Model

QUESTION = "answers in time, as a share of saturation; open loop, Poisson, 20 ms from the intended arrival"
PLACEMENT = "split"
COST_US, FACTOR, BATCH, DEADLINE_MS = 2000, 0.5, 8, 20
CONNECTIONS = 1000       # so that a server that lets requests wait gets to see them
SATURATING = 64          # connections of the closed loop that finds saturation
GIVE_UP_SECONDS = 2      # long after the deadline; an answer later than that changes no figure
HAND_FOUND_US = 11_000   # the queue time-out that serves most in time here, found by trying
LOADS = (0.5, 0.9, 1.0, 1.2, 2, 5)
GOODPUT_MIN = {0.5: 0.495, 0.9: 0.89, 1.0: 0.95, 1.2: 0.95, 2: 0.95, 5: 0.95}
OVER_BEST_MIN = 0.98     # of Triton's best variant at the same load
MISSED_MAX = 0.001       # admitted, and late or given up at the deadline
REFUSED_MAX = 0.005      # at 0.9 of saturation and below
REFUSAL_MS_MAX = {"p99": 1.0}
COLUMNS = [("goodput", "goodput", "percent"), ("refused", "refused", "percent"), ("refusal p50", "refusal_p50", "ms"),
           ("refusal p99", "refusal_p99", "ms"), ("504", "deadline", "percent"), ("late", "late", "percent"), ("failed", "failed", "percent")]
REJECT = f"default_queue_policy {{ timeout_action: REJECT default_timeout_microseconds: {DEADLINE_MS * 1000} allow_timeout_override: true }}"


def models():
    spin = Model("spin", us=COST_US, factor=FACTOR, batch=BATCH)
    rejecting = Model("spin_reject", us=COST_US, factor=FACTOR, batch=BATCH, policy=REJECT)
    return [spin], [spin, rejecting]


def computed_saturation():
    """Full batches one after another, and nothing else."""
    return BATCH / (COST_US * (1 + FACTOR * (BATCH - 1))) * 1e6


def find_saturation(bench):
    """Rows of both servers with many connections asking again at once; and the highest of them."""
    def once(variant, _, seed):
        report = bench.run(variant, [client("all", variant.model, connections=SATURATING)], seed)
        return {"per_second": report["clients"]["all"]["achieved_per_second"]}
    rows = bench.rows({"saturation": None}, [Variant("tercel", "tercel", "spin"), Variant("triton", "triton", "spin")], once)
    return {row["server"]: row["figures"]["per_second"] for row in rows}


def measure(bench):
    saturations = find_saturation(bench)
    base = bench.setup.saturation or max(each["median"] for each in saturations.values())
    timeout = lambda us: {"parameters": {"timeout": us}}  # noqa: E731
    variants = [Variant("tercel", "tercel", "spin", {"class": "hard"}), Variant("triton, no policy", "triton", "spin"),
                Variant("triton, time-out = deadline", "triton", "spin_reject", timeout(DEADLINE_MS * 1000), fresh=True),
                Variant(f"triton, time-out {HAND_FOUND_US // 1000} ms by hand", "triton", "spin_reject", timeout(HAND_FOUND_US), fresh=True)]

    def once(variant, load, seed):
        asking = client("all", variant.model, DEADLINE_MS, rate=round(load * base, 3), connections=CONNECTIONS, **variant.more)
        mine = bench.run(variant, [asking], seed, timeout=GIVE_UP_SECONDS)["clients"]["all"]
        refusal = quantiles(mine, "refused_us")
        return {"goodput": mine["goodput_per_second"] / base, **shares(mine), "refusal_p50": refusal["p50"], "refusal_p99": refusal["p99"]}

    loads = {f"{load:g} x saturation": load for load in LOADS}
    rows = bench.rows(loads, variants, once)
    notes = [f"saturation {base:.0f}/s; measured " + ", ".join(f"{name} {each['median']:.0f}/s" for name, each in saturations.items()) +
             f"; {computed_saturation():.0f}/s computed"]
    return {"columns": COLUMNS, "rows": rows, "notes": notes, "bars": bars(rows, loads), "saturation": {"used": base, "measured": saturations,
                                                                                                        "computed": computed_saturation()}}


def bars(rows, loads):
    made = []
    for title, load in loads.items():
        mine, theirs = ours(rows, title), best(rows, title, "goodput")
        made.append(bar(f"{title}: goodput", median(mine, "goodput"), at_least=GOODPUT_MIN[load]))
        if theirs:
            made.append(bar(f"{title}: goodput over {theirs['server']}", ratio(median(mine, "goodput"), median(theirs, "goodput")), at_least=OVER_BEST_MIN))
        made.append(bar(f"{title}: admitted and missed, share of requests", median(mine, "late") + median(mine, "deadline"), at_most=MISSED_MAX))
        if load < 1:
            made.append(bar(f"{title}: refused", median(mine, "refused"), at_most=REFUSED_MAX))
        else:
            made += [bar(f"{title}: refusal {q}, ms", median(mine, f"refusal_{q}"), at_most=limit) for q, limit in REFUSAL_MS_MAX.items()]
    return made
