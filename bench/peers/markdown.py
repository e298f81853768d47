"""docs/performance.md from one run of the bench: figures, what they were taken on, and the command that repeats it."""
import report

METHOD = """Every engine runs the same ONNX file (Tercel: the plan compiled from it) in the same program, with buffers bound once, one
session, and inputs that rotate over more than 64 MB. They take turns in short slices. Times are microseconds. *ratio*: the
better peer's p50 over Tercel's, above 1 where Tercel is faster; *low-high*: the same ratio in the single rounds; *x floor*: Tercel's
p50 over the physical floor of this machine (`tercel inspect`). A dash: too few runs to tell. `bench/peers/README.md` has the method.
"""


def table(rows):
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    align = ["---" if name in report.WORDS else "---:" for name in escaped[0]]
    return ["| " + " | ".join(row) + " |" for row in (escaped[0], align, *escaped[1:])]


def section(title, lines):
    return [f"## {title}", "", *lines, ""]


def page(results, command, plot_name):
    """The whole text. `results`: what --json prints; `command` repeats the run."""
    lines = [f"<!-- Written by `{command}`; do not edit. -->", "# Performance against ONNX Runtime and OpenVINO", "", METHOD,
             f"Measured on {report.machine_line(results['machine'])}.", f"State of the {report.noise_line(results['noise'])}.", ""]
    if plot_name:
        lines += [f"![p50 and p99 per model and engine]({plot_name})", ""]
    precisions = dict.fromkeys(row["precision"] for row in results["rows"])
    for precision in precisions:
        rows = [row for row in results["rows"] if row["precision"] == precision]
        latency = table([report.latency_header(), *map(report.latency_row, rows)])
        lines += section(f"Latency, {precision}", [*latency, "", *(f"- {line}" for line in report.mean_lines(rows) + report.refusals(rows))])
        lines += section(f"Opening, {precision}", table(report.open_table(rows)))
    if results["memory"]:
        lines += section("Memory", ["Megabytes of a process after ten runs: resident (rss), less what it held before it opened the model (session),",
                                    "and what a second such process adds (second, from Pss).", "", *table(report.memory_table(results["memory"]))])
    for name, title, make in (("neighbour", "Beside a busy process", report.neighbour_table), ("tails", "Tails", report.tail_table),
                              ("startup", "Start-up", report.startup_table)):
        if results[name]:
            lines += section(title, table(make(results[name])))
    return "\n".join(lines).rstrip() + "\n"
