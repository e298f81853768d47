"""The tables, as rows of text: for the terminal and for docs/performance.md."""
import re

import engines
import figures

WORDS = ("model", "engine", "note")  # columns that hold no figures
SHORT = {"tercel": "tercel", "onnxruntime": "ort", "openvino": "openvino"}


def number(value, digits=None):
    """Three to four figures unless the decimals are given."""
    if value is None:
        return "-"
    return f"{value:,.{digits if digits is not None else 2 if value < 10 else 1 if value < 100 else 0}f}"


def bare(message, length=200):
    """The beginning of an engine's message, on one line, files by name only: what machine this is does not matter."""
    text = re.sub(r"(?<![\w./])/(?:[^\s/:]+/)+", "", " ".join(message.split()))
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " ..."


def megabytes(value):
    return number(None if value is None else value / 1e6, 1)


def titled(row):
    return row["model"] + (" int8" if row["precision"] == "int8" else "")


def cell(figure, key, form=number):
    if figure == engines.LEFT_OUT:
        return "-"
    return "refused" if "error" in figure else form(figure.get(key))


def latency_header():
    columns = ["model", "batch", "threads"]
    for key in ("p50", "p99", "p99.9"):
        columns += [f"{SHORT[e]} {key}" for e in engines.NAMES]
    return columns + ["ratio", "low-high", "x floor", "note"]


def latency_row(row):
    cells = [row["model"], str(row["batch"]), str(row["threads"])]
    for key in ("p50", "p99", "p99.9"):
        cells += [cell(row["engines"][e], key) for e in engines.NAMES]
    low_high = "-" if row["ratio_range"] is None else "-".join(number(x, 2) for x in row["ratio_range"])
    return cells + [number(row["ratios"].get("best"), 2), low_high, number(row["floor_ratio"], 2), note(row)]


def note(row):
    words = [figure["variant"].replace(",", "") for figure in row["engines"].values() if "," in figure.get("variant", "")]
    if not row["agree"]:
        words.append("ANSWERS DIFFER")
    return ", ".join(words)


def open_table(rows):
    """Load time, once a model and precision: at the smallest batch and thread count."""
    table, seen = [["model", "compile s", *(f"{SHORT[e]} open ms" for e in engines.NAMES), *(f"{SHORT[e]} first ms" for e in engines.NAMES)]], set()
    for row in rows:
        if titled(row) not in seen:
            seen.add(titled(row))
            milliseconds = lambda us: number(us / 1e3)  # noqa: E731
            table.append([titled(row), number(row["compile_seconds"], 1),
                          *(cell(row["engines"][e], key, milliseconds) for key in ("open_us", "first_run_us") for e in engines.NAMES)])
    return table


def memory_table(rows):
    columns = ["model"] + [f"{SHORT[e]} {key}" for key in ("rss", "session", "second") for e in engines.NAMES]
    return [columns] + [[titled(row), *(cell(row["engines"][e], key, megabytes) for key in ("rss", "session", "second") for e in engines.NAMES)]
                        for row in rows]


def neighbour_table(rows):
    table = [["model", "threads", *(f"{SHORT[e]} {key}" for key in ("p50", "p99") for e in engines.NAMES),
              *(f"{SHORT[e]} p99 alone" for e in engines.NAMES), "p99 ratio"]]
    for row in rows:
        table.append([row["model"], str(row["threads"]), *(cell(row["engines"][e], key) for key in ("p50", "p99") for e in engines.NAMES),
                      *(cell(row["quiet"][e], "p99") for e in engines.NAMES), number(row["ratios_p99"].get("best"), 2)])
    return table


def tail_table(rows):
    table = [["model", "threads", "engine", "runs", "p50", "p99", "p99.9", "p99.9/p50"]]
    for row in rows:
        for name, f in row["engines"].items():
            table.append([row["model"], str(row["threads"]), name, *(cell(f, key, form) for key, form in (
                ("runs", str), ("p50", number), ("p99", number), ("p99.9", number), ("spread", lambda x: number(x, 2))))])
    return table


def startup_table(rows):
    table = [["model", "threads", "engine", "open us", "first run us", "p50", "first/p50"]]
    for row in rows:
        for name, f in row["engines"].items():
            table.append([row["model"], str(row["threads"]), name, *(cell(f, key) for key in ("open_us", "first_run_us", "p50")),
                          cell(f, "first_over_p50", lambda x: number(x, 2))])
    return table


def mean_lines(rows):
    lines = []
    for threads, means in figures.means(rows).items():
        told = ", ".join(f"{'the better peer' if name == 'best' else name} {mean:.2f}" for name, mean in sorted(means.items()))
        lines.append(f"geometric mean of a peer's p50 / Tercel's at {threads} thread{'s' if threads > 1 else ''}: {told or 'nothing to compare'}")
    return lines


def refusals(rows):
    """One line for each model that an engine refused, with the engine's first words."""
    told = {(row["model"], name): bare(f["error"]) for row in rows for name, f in row["engines"].items()
            if "error" in f and f != engines.LEFT_OUT}
    return [f"{model}: {name} refuses it: {text}" for (model, name), text in told.items()]


def machine_line(facts):
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return f"{facts['isa']}, {facts['cpu']}, {facts['cores']} cores; {versions}"


def noise_line(noise):
    verdict = "quiet" if noise["quiet"] else "NOT QUIET, figures are rough"
    return (f"machine: {verdict} (others' CPU {noise['busy_before']:.0%} before, {noise['busy_after']:.0%} after; steal {noise['steal']:.2%}; "
            f"load {noise['load']:.1f})")


def aligned(table):
    """Columns padded to the widest cell."""
    return [padded(row, table[0], [max(len(row[i]) for row in table) for i in range(len(table[0]))]) for row in table]


def padded(row, header, widths):
    """Words to the left, figures to the right."""
    cells = (cell.ljust(w) if name in WORDS else cell.rjust(w) for cell, name, w in zip(row, header, widths))
    return " ".join(cells).rstrip()
