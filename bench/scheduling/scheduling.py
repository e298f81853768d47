#!/usr/bin/env python3
"""Scheduling policies on one simulated machine: tables, and the page with its plots.

    scheduling.py --compare PROGRAM                               tables on standard output
    scheduling.py --compare PROGRAM --json                        the program's own figures
    scheduling.py --compare PROGRAM --markdown docs/scheduling.md the page, and the plots beside it
"""
import argparse
import json
import pathlib
import subprocess

import plot

PAGE = pathlib.Path(__file__).parent / "page.md"


def percent(value, digits=1):
    return f"{100 * value:.{digits}f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def by_policy(rows, key):
    lines = {}
    for row in rows:
        lines.setdefault(row["policy"], []).append((row["load"], row[key]))
    return lines


def loads_head(rows):
    return [f"{load:g}" for load in dict.fromkeys(row["load"] for row in rows)]


def goodput_table(figures):
    rows = [[name, *(percent(v) for _, v in points)] for name, points in by_policy(figures["overload"], "goodput").items()]
    rows.append(["clairvoyant bound", *(percent(row["goodput"]) for row in figures["clairvoyant"])])
    return table(["offered / saturation", *loads_head(figures["overload"])], rows)


def fate_table(figures):
    own = [row for row in figures["overload"] if row["policy"] == "tercel"]
    rows = [[name, *(percent(row[key], 3) for row in own)] for name, key in
            (("refused at once, %", "refused"), ("admitted and missed, %", "admitted_missed"))]
    rows.append(["clairvoyant bound: given up, %", *(percent(row["lost"], 3) for row in figures["clairvoyant"])])
    return table(["offered / saturation", *loads_head(own)], rows)


def ladder_table(figures):
    rows = [[f"{row['factor']:g}x, {row['deadline_ms']} ms", percent(row["attained"], 2), percent(row["accurate"]), percent(row["bound"]),
             percent(row["accurate"] / row["bound"], 0)] for row in figures["ladder"]]
    return table(["cheap variant, deadline", "in time, %", "accurate answers, %", "bound, %", "of the bound, %"], rows)


def classes_table(figures):
    rows = [[row["policy"], percent(row["interactive_in_time"], 2), percent(row["bulk_kept"])] for row in figures["classes"]]
    return table(["policy", "interactive in time, %", "bulk, % of the slot's capacity"], rows)


TABLES = {"goodput": goodput_table, "fate": fate_table, "ladder": ladder_table, "classes": classes_table}


def write_page(figures, path):
    page = PAGE.read_text()
    for name, make in TABLES.items():
        page = page.replace("{" + name + "}", make(figures))
    page = page.replace("{seconds}", f"{figures['seconds']:g}").replace("{seeds}", str(figures["seeds"]))
    path.write_text(page)
    bound = [(row["load"], row["goodput"]) for row in figures["clairvoyant"]]
    (path.parent / "scheduling-goodput.svg").write_text(
        plot.svg("Answers in time, as a share of saturation", by_policy(figures["overload"], "goodput"), bound, "offered / saturation"))
    missed = by_policy(figures["overload"], "admitted_missed")
    (path.parent / "scheduling-missed.svg").write_text(
        plot.svg("Admitted, and not answered in time", missed, None, "offered / saturation"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", required=True, help="the program sched_compare")
    parser.add_argument("--seconds", type=float, default=60, help="of simulated time")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", type=pathlib.Path)
    arguments = parser.parse_args()
    run = subprocess.run([arguments.compare, str(arguments.seconds), str(arguments.seeds)], capture_output=True, text=True, check=True)
    if arguments.json:
        print(run.stdout, end="")
        return
    figures = json.loads(run.stdout)
    if arguments.markdown:
        write_page(figures, arguments.markdown)
    print("\n\n".join(make(figures) for make in TABLES.values()))


if __name__ == "__main__":
    main()
