#!/usr/bin/env python3
"""Checks that the house is in order: include layers, headers that compile alone, bans, lengths, dead files, READMEs.

    tools/tidy/tidy.py            all quick checks; exit 1 and one line a finding when something is wrong
    tools/tidy/tidy.py --headers  compile every header alone (slower)
    tools/tidy/tidy.py --report   the figures: files, lengths, layers, and what adding an operator takes
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
MODULE = ROOT / "python/module"  # the Python package's extension: C++ like that of src/, includes beginning with "module/"
FUNCTION_LINES_MAX = 70
FUNCTIONS_OVER_SHARE_MAX = 0.02
FILE_LINES_MAX = 600
FILE_MEDIAN_MAX = 150
LINE_COLUMNS_MAX = 140
TEST_SUFFIXES = ("_test.cc", "_bench.cc", "_fuzz.cc")

# What must not appear, and what to write instead.
BANS = [
    (re.compile(r"\bTODO\b|\bFIXME\b|\bXXX\b"), "finish it, or file an issue"),
    (re.compile(r"\busing namespace (std|tercel|boost)\b(?!::literals|::string_literals|::chrono_literals)"), "name what you use"),
    (re.compile(r"\bstd::cout\b|\bstd::cerr\b"), "std::printf in cli/, a log or an Error elsewhere"),
    (re.compile(r"\bthrow\b(?!\s*\()"), "return an Error"),
    (re.compile(r"\bstd::rand\b|\bsrand\b"), "std::mt19937 with a printed seed"),
    (re.compile(r"\bstd::regex\b"), "a small parser of its own"),
    (re.compile(r"\bstd::(system|high_resolution)_clock\b"), "platform/clock.h"),
    (re.compile(r"#include <(iostream|regex)>"), "<cstdio>, or a small parser"),
    (re.compile(r"\bnew [\w:]+\(.*\bTRY\("), "take the value first: TRY returns while new's memory is nobody's"),
    (re.compile(r"\batoi\(|\bstrtok\(|\bsprintf\("), "std::from_chars, std::snprintf"),
]
# path, as relative_name() says it -> pattern text that is allowed there, with a reason beside it
BAN_EXCEPTIONS = {"python/module/errors.cc": r"\bthrow\b(?!\s*\()"}  # nanobind takes a Python error across as an exception


def sources(suffixes=(".h", ".cc")):
    return sorted(p for folder in (SRC, MODULE) for p in folder.rglob("*") if p.suffix in suffixes and p.is_file())


def relative_name(path):
    """Relative to src/ for what lies there, else to the root."""
    return path.relative_to(SRC) if path.is_relative_to(SRC) else path.relative_to(ROOT)


def included(include):
    """What relative_name() would say of an included file of ours; None for one of others."""
    if (SRC / include).exists():
        return include
    return f"python/{include}" if (MODULE.parent / include).exists() else None


def read_layers():
    layers = {}
    for line in (ROOT / "tools/tidy/layers.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            folder, _, allowed = line.partition(":")
            layers[folder.strip()] = [a.lstrip("!") for a in allowed.split()]
    return layers


def folder_of(path, layers):
    """The longest listed folder that holds `path` (relative to src/)."""
    parts = pathlib.PurePath(path).parts[:-1]
    for n in range(len(parts), 0, -1):
        name = "/".join(parts[:n])
        if name in layers:
            return name
    return None


def includes_of(path):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.M)


def check_layers(findings):
    layers = read_layers()
    edges = set()
    for path in sources():
        relative = relative_name(path)
        if len(relative.parts) == 1:
            findings.append(f"src/{relative}: no source directly in src/")
            continue
        folder = folder_of(relative, layers)
        if folder is None:
            findings.append(f"{path.relative_to(ROOT)}: its folder is not in tools/tidy/layers.txt")
            continue
        allowed = set(layers[folder])
        if relative.name.endswith(TEST_SUFFIXES) or "testing" in relative.name:
            allowed |= set(layers["tests"])
        for include in includes_of(path):
            if not (included_file := included(include)):
                continue
            target = folder_of(included_file, layers)
            # A subfolder is part of the folder that is listed above it: kernels/ names its own rows.
            if target == folder or folder == "cli":
                continue
            if target not in allowed:
                findings.append(f"{path.relative_to(ROOT)}: {folder} may not include {target} ({include})")
            elif not relative.name.endswith(TEST_SUFFIXES):
                edges.add((folder, target))
    find_cycle(edges, findings)


def find_cycle(edges, findings):
    graph = {}
    for a, b in edges:
        graph.setdefault(a, set()).add(b)
    state = {}

    def visit(node, trail):
        if state.get(node) == "done":
            return
        if node in trail:
            findings.append("folder cycle: " + " -> ".join(trail[trail.index(node):] + [node]))
            return
        for target in sorted(graph.get(node, ())):
            visit(target, trail + [node])
        state[node] = "done"

    for node in sorted(graph):
        visit(node, [])


def strip_text(text):
    """Comments and literals blanked, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    pattern = r'//[^\n]*|/\*.*?\*/|R"(\w*)\((?:.|\n)*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\''
    return re.sub(pattern, blank, text, flags=re.S)


def functions_of(text):
    """(first line, lines) of each function body at namespace or class level."""
    text = strip_text(text)
    text = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.M)
    out, stack, head_start = [], [], 0
    for i, c in enumerate(text):
        if c == ";" and not (stack and stack[-1][0] == "function"):
            head_start = i + 1
        elif c == "{":
            head = text[head_start:i]
            inside = any(kind == "function" for kind, _ in stack)
            scope = re.search(r"\b(namespace|class|struct|union|enum|extern)\b[^()]*$", head)
            is_function = not inside and not scope and ")" in head and not re.search(r"=\s*$", head)
            start = i - len(head) + (len(head) - len(head.lstrip()))
            stack.append(("function" if is_function else "scope", start))
            head_start = i + 1
        elif c == "}" and stack:
            kind, start = stack.pop()
            if kind == "function":
                out.append((text.count("\n", 0, start) + 1, text.count("\n", start, i) + 1))
            head_start = i + 1
    return out


def lengths():
    files, functions = [], []
    for path in sources():
        text = path.read_text()
        if not path.name.endswith(TEST_SUFFIXES):
            files.append((text.count("\n"), path.relative_to(ROOT)))
        functions += [(n, path.relative_to(ROOT), line) for line, n in functions_of(text)]
    return files, functions


def check_lengths(findings):
    files, functions = lengths()
    median = statistics.median(n for n, _ in files)
    if median > FILE_MEDIAN_MAX:
        findings.append(f"the median source file has {median:.0f} lines, more than {FILE_MEDIAN_MAX}")
    findings += [f"{path}: {n} lines, more than {FILE_LINES_MAX}: split it" for n, path in files if n > FILE_LINES_MAX]
    over = [f for f in functions if f[0] > FUNCTION_LINES_MAX]
    if len(over) > FUNCTIONS_OVER_SHARE_MAX * len(functions):
        findings += [f"{path}:{line}: a function of {n} lines" for n, path, line in sorted(over, reverse=True)]
        findings.append(f"{len(over)} of {len(functions)} functions are over {FUNCTION_LINES_MAX} lines")


def check_bans(findings):
    for path in sources():
        relative = relative_name(path)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if len(line) > LINE_COLUMNS_MAX:
                findings.append(f"{path.relative_to(ROOT)}:{number}: {len(line)} columns, more than {LINE_COLUMNS_MAX}")
            for pattern, instead in BANS:
                if pattern.search(line) and BAN_EXCEPTIONS.get(str(relative)) != pattern.pattern:
                    findings.append(f"{path.relative_to(ROOT)}:{number}: '{pattern.search(line).group(0)}' is banned: {instead}")


def check_files(findings):
    for path in sources((".cc",)):
        lists = [path.parent / "CMakeLists.txt", path.parent.parent / "CMakeLists.txt"]
        if not any(l.exists() and re.search(r"[\s(/]" + re.escape(path.name) + r"[\s)]", l.read_text()) for l in lists):
            findings.append(f"{path.relative_to(ROOT)}: in no CMakeLists.txt (a dead file?)")
    for path in sources((".h",)):
        text = path.read_text()
        # Highway compiles *-inl.h once a target, in one translation unit: their guard is a toggle.
        guarded = text.startswith("#pragma once") or (path.name.endswith("-inl.h") and "defined(HWY_TARGET_TOGGLE)" in text)
        if not guarded:
            findings.append(f"{path.relative_to(ROOT)}: must begin with #pragma once")
    for folder in read_layers():
        if folder != "tests" and (SRC / folder).is_dir() and not (SRC / folder / "README.md").exists():
            findings.append(f"src/{folder}: has no README.md")


LIMIT = re.compile(r"^\s*(?:inline |static )*constexpr [\w:<> ]+? (k\w*Max)\s*=\s*([^;]+);\s*(?://\s*(.*))?$")


def limits_page():
    """docs/limits.md, from the named constants of the headers and the comment beside or above each."""
    lines = ["# Limits", "", "Every limit is a named constant, checked with overflow-safe arithmetic before anything is allocated.",
             "This page is written by `tools/tidy/tidy.py --write-limits` from the headers; a stale page fails the tests.", "",
             "| limit | value | what it bounds | where |", "|---|---|---|---|"]
    for path in sources((".h",)):
        above = ""
        for line in path.read_text().splitlines():
            match = LIMIT.match(line)
            if match:
                what = (match.group(3) or above).strip().replace("|", "/")
                lines.append(f"| `{match.group(1)}` | `{match.group(2).strip()}` | {what} | `{relative_name(path)}` |")
            comment = re.match(r"\s*//\s*(.*)", line)
            above = (above + " " + comment.group(1)).strip() if comment else above if match else ""
    return "\n".join(lines) + "\n"


def check_limits(findings):
    if (ROOT / "docs/limits.md").read_text() != limits_page():
        findings.append("docs/limits.md: stale; run tools/tidy/tidy.py --write-limits")


def compile_header(header, flags):
    command = ["g++", "-std=gnu++20", "-fsyntax-only", "-I", str(SRC), "-I", str(ROOT / "include"), *flags, "-x", "c++", "-include", str(header), "/dev/null"]
    run = subprocess.run(command, capture_output=True, text=True)
    return None if run.returncode == 0 else f"{header.relative_to(ROOT)}: does not compile alone\n{run.stderr[:600]}"


def module_flags():
    """Where the extension's headers find Python's and nanobind's; None before `./dev deps` installed them."""
    python = ROOT / "build/venv/bin/python"
    code = "import nanobind, sysconfig; print(nanobind.include_dir(), sysconfig.get_path('include'), sep='\\n')"
    run = subprocess.run([python, "-c", code], capture_output=True, text=True) if python.exists() else None
    if run is None or run.returncode != 0:
        return None
    return ["-I", str(MODULE.parent), *(part for folder in run.stdout.split() for part in ("-isystem", folder))]


def check_headers(findings):
    jobs = []
    for_module = module_flags()
    if for_module is None:
        print("tidy: the headers of python/module are left out: ./dev deps installs what they include")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header in sources((".h",)):
            # Leaves of one instruction set are compiled with its flags, as their own sources are.
            flags = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma", "-mf16c"] if "avx" in header.name else []
            if header.is_relative_to(MODULE):
                if for_module is None:
                    continue
                flags = for_module
            jobs.append(pool.submit(compile_header, header, flags))
        findings += [job.result() for job in jobs if job.result()]


def report():
    files, functions = lengths()
    over = [f for f in functions if f[0] > FUNCTION_LINES_MAX]
    sizes = sorted(n for n, _ in files)
    print(f"source files          {len(files)}  ({sum(sizes)} lines)")
    print(f"median / p90 / most   {statistics.median(sizes):.0f} / {sizes[int(0.9 * len(sizes))]} / {sizes[-1]} lines")
    print(f"functions             {len(functions)}, {len(over)} over {FUNCTION_LINES_MAX} lines ({100 * len(over) / len(functions):.2f} %)")
    for n, path, line in sorted(over, reverse=True)[:10]:
        print(f"    {n:4d}  {path}:{line}")
    tests = sum(1 for p in sources((".cc",)) if p.name.endswith("_test.cc"))
    fuzzers = sum(1 for p in sources((".cc",)) if p.name.endswith("_fuzz.cc"))
    print(f"test files / fuzzers  {tests} / {fuzzers}")
    print(f"folders in layers.txt {len(read_layers()) - 1}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headers", action="store_true")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--write-limits", action="store_true", help="write docs/limits.md anew from the headers")
    arguments = parser.parse_args()
    findings = []
    if arguments.write_limits:
        (ROOT / "docs/limits.md").write_text(limits_page())
    if arguments.headers:
        check_headers(findings)
    else:
        for check in (check_layers, check_lengths, check_bans, check_files, check_limits):
            check(findings)
    if arguments.report:
        report()
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} finding(s)" if findings else "tidy: in order")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
