"""The arithmetic of the report: percentiles, means, and ratios between engines."""
import math
import statistics

import numpy as np

# A percentile is told only where at least this many runs lie beyond the last one it may ignore.
RUNS_MIN = {"p50": 1, "p99": 100, "p99.9": 1000}
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def percentile(sorted_times, share):
    """The smallest time that at least `share` of the runs stay within (nearest rank)."""
    rank = math.ceil(share * len(sorted_times))
    return round(float(sorted_times[min(max(rank, 1), len(sorted_times)) - 1]), 3)  # the clock counts nanoseconds


def summarize(times):
    """{"runs", "p50", "p99", "p99.9"} of the times of one or more processes; None where there are too few runs to tell."""
    ordered = np.sort(np.concatenate([np.asarray(t, np.float32) for t in times]))
    told = {name: percentile(ordered, share) if len(ordered) >= RUNS_MIN[name] else None for name, share in SHARES.items()}
    return {"runs": len(ordered), **told}


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def answered(row):
    """The figures of the engines that ran the row."""
    return {name: figures for name, figures in row["engines"].items() if "error" not in figures}


def ratios(row, figure="p50"):
    """Each peer's time over Tercel's, and the better peer's as "best"; empty where Tercel or every peer refused."""
    ran = {name: f[figure] for name, f in answered(row).items() if f.get(figure)}
    ours = ran.pop("tercel", None)
    if ours is None or not ran:
        return {}
    return {**{name: time / ours for name, time in ran.items()}, "best": min(ran.values()) / ours}


def ratio_range(row):
    """The better peer's time over Tercel's in each round: the lowest and the highest."""
    ran = {name: f["rounds"] for name, f in answered(row).items()}
    ours = ran.pop("tercel", None)
    if ours is None or not ran:
        return None
    per_round = [min(theirs) / mine for mine, theirs in zip(ours, zip(*ran.values()))]
    return [min(per_round), max(per_round)]


def means(rows):
    """{threads: {peer or "best": geometric mean of the ratios of p50 over the rows that both ran}}."""
    result = {}
    for threads in sorted({row["threads"] for row in rows}):
        told = [ratios(row) for row in rows if row["threads"] == threads]
        names = sorted({name for r in told for name in r})
        result[threads] = {name: geometric_mean([r[name] for r in told if name in r]) for name in names}
    return result


def median(values):
    return statistics.median(values)
