"""From the runs of one cell to one figure, and from figures to bars."""
import statistics


def figure(values):
    """The median of the runs and their range; None when no run could tell."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {"median": statistics.median(known), "low": min(known), "high": max(known), "values": values}


def figures(runs):
    """{metric: figure} of runs that are {metric: value}."""
    return {metric: figure([run[metric] for run in runs]) for metric in runs[0]}


def median(row, metric):
    return None if row["figures"].get(metric) is None else row["figures"][metric]["median"]


def ratio(ours, theirs):
    return None if ours is None or not theirs else ours / theirs


def bar(what, value, at_least=None, at_most=None):
    """One bar beside what was measured. A value that could not be told passes nothing."""
    passed = value is not None and (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
    return {"what": what, "value": value, "at_least": at_least, "at_most": at_most, "passed": passed}


def bar_text(each):
    limit = f"at least {each['at_least']:g}" if each["at_least"] is not None else f"at most {each['at_most']:g}"
    value = "not told" if each["value"] is None else f"{each['value']:.4g}"
    return f"{'ok   ' if each['passed'] else 'BELOW' if each['at_least'] is not None else 'ABOVE'}  {each['what']}: {value}, bar {limit}"
