"""What was measured, as text."""
import math

import figures

FORMS = {
    "count": lambda v: f"{v:,.0f}",
    "rate": lambda v: f"{v:,.0f}/s",
    "percent": lambda v: f"{math.floor(1e4 * v + 1e-6) / 100:.2f} %",  # rounded down: what is not all must not read as all
    "ms": lambda v: f"{v:.3f} ms" if v < 10 else f"{v:.1f} ms",
}


def cell(row, metric, form):
    each = row["figures"].get(metric)
    return "-" if each is None else FORMS[form](each["median"])


def spread(row, metric, form):
    """The range of the runs of the first column."""
    each = row["figures"].get(metric)
    return "-" if each is None else f"{FORMS[form](each['low'])} .. {FORMS[form](each['high'])}"


def padded(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(text.ljust(w) if i < 2 else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths))).rstrip() for line in lines)


def table(result):
    columns = result["columns"]  # (title, metric, form)
    lines = [["load", "server", *(title for title, _, _ in columns), f"{columns[0][0]}, range of runs"]]
    for row in result["rows"]:
        lines.append([row["load"], row["server"], *(cell(row, metric, form) for _, metric, form in columns), spread(row, *columns[0][1:])])
    return padded(lines)


def scenario(name, result):
    parts = [f"{name}: {result['question']}", f"server on CPU {result['placement']['server']}, generator on CPU {result['placement']['load']}",
             table(result), *result["notes"], *map(figures.bar_text, result["bars"])]
    return "\n".join(parts) + "\n"


def header(facts):
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (f"{versions}; {facts['isa']}, {facts['cpu']}, {facts['cores']} CPUs, Linux {facts['kernel']}\n"
            f"{facts['rounds']} rounds of {facts['seconds']:g} s, medians; Tercel's batching {'on' if facts['tercel_batching'] else 'OFF'}\n")


def footer(machine):
    state = "quiet" if machine["quiet"] else "NOT quiet: the figures are rough"
    return f"machine {state}: busy {100 * machine['busy_before']:.0f} % before and {100 * machine['busy_after']:.0f} % after, stolen {100 * machine['steal']:.1f} %"
