#!/usr/bin/env python3
"""`tercel top` as its users meet it: in a terminal of a given size, once, and as JSON, against a real server.

    top_test.py --tercel build/release/tercel

Ends with 'N passed, N failed'.
"""
import argparse
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from server import Server  # noqa: E402

TESTS = []
DIGITS = ROOT / "examples/digits"
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def test(function):
    TESTS.append(function)
    return function


class Terminal:
    """The program in a terminal of a given size; remembers all that it wrote."""

    def __init__(self, command, width, height, environment=None):
        self.master, slave = pty.openpty()
        self.resize(width, height)
        self.slave, self.before = slave, termios.tcgetattr(slave)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        env={k: v for k, v in os.environ.items() if k != "NO_COLOR"} | (environment or {}))
        self.text = ""

    def resize(self, width, height):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read_until(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition(self) and time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                self.text += os.read(self.master, 65536).decode()
        assert condition(self), f"not within {seconds} s: {self.text[-3000:]!r}"

    def screen(self):
        """The lines of the last whole picture, without colours."""
        pictures = re.findall(r"\x1b\[H(.*?)\x1b\[J", self.text, re.S)
        return [COLOUR.sub("", line.removesuffix("\x1b[K")) for line in re.split("\r+\n", pictures[-1])] if pictures else []

    def shows(self, text):
        return any(text in line for line in self.screen())

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self, status):
        self.read_until(lambda t: LEAVE in t.text)
        assert self.process.wait(20) == status, self.process.returncode
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was"
        os.close(self.master)
        os.close(self.slave)


class Setup:
    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        self.repository = self.folder / "models"
        for model in ("mlp", "cnn"):
            target = self.repository / model / "1/model.plan"
            target.parent.mkdir(parents=True)
            subprocess.run([program, "compile", DIGITS / f"{model}.onnx", "-o", target, "--tune-budget", "0.3", "-q"], check=True, timeout=300)

    def serve(self):
        return Server(self.program, self.repository)

    def top(self, *arguments, expect=0, environment=None):
        done = subprocess.run([self.program, "top", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(environment or {})})
        assert done.returncode == expect, f"tercel top {arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout if expect == 0 else done.stderr

    def load(self, server, *arguments, seconds=4):
        command = [self.program, "load", f"http://{server.url}", "--duration", f"{seconds}s", "--warmup", "0", "-q", *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@test
def once_and_json_tell_the_rates_of_a_load(t):
    with t.serve() as server:
        load = t.load(server, "--model", "mlp", "--rate", 200, "--arrivals", "constant", "--deadline", "1s", seconds=60)
        late = t.load(server, "--model", "cnn", "--rate", 20, "--class", "soft", "--deadline", "2us", seconds=60)
        try:
            time.sleep(0.5)
            report = json.loads(t.top(server.url, "--json", "--interval", "1s"))
            rows = {row["model"]: row for row in report["models"]}
            mlp, cnn = rows["mlp"], rows["cnn"]
            assert 100 < mlp["in_time_per_s"] <= mlp["requests_per_s"] < 300, mlp
            assert mlp["attainment"] > 0.9 and 0.5 < mlp["mean_slack_s"] < 1 and mlp["ready"], mlp
            assert 0 < mlp["p50_s"] <= mlp["p99_s"] < 1, mlp
            assert cnn["attainment"] < 0.1 and cnn["late_per_s"] > 5, cnn
            assert report["server"]["connections"] >= 2 and report["server"]["resident_bytes"] > 1e6, report["server"]
            assert report["missed"][0]["model"] == "cnn" and report["missed"][0]["outcome"] == "late", report["missed"][:1]
            assert report["missed"][0]["stage"], report["missed"][:1]
            for width in (80, 140):
                table = t.top(f"http://{server.url}", "--once", "--interval", "200ms", "--sort", "name", environment={"COLUMNS": str(width)})
                lines = table.splitlines()
                assert max(map(len, lines)) <= width and "\x1b" not in table, table
                names = [line.split()[0] for line in lines if line.startswith(("mlp:1", "cnn:1"))]
                assert names == ["cnn:1", "mlp:1"] and "req/s" in table and "last missed" in table, table
                assert ("no room" in table) == (width == 140), table
        finally:
            for process in (load, late):
                process.kill()
                process.wait()


@test
def the_screen_is_live_sorts_and_is_left_as_it_was(t):
    with t.serve() as server:
        terminal = Terminal([t.program, "top", server.url, "--interval", "100ms"], 80, 24)
        terminal.read_until(lambda s: s.shows("mlp:1") and s.shows("sort: by requests"))
        assert terminal.text.startswith(ENTER), terminal.text[:100]
        assert COLOUR.search(terminal.text), "no colours"
        load = t.load(server, "--model", "mlp", "--rate", 100, seconds=60)
        try:
            terminal.read_until(lambda s: any(line.startswith("mlp:1") and line.split()[1] != "0" for line in s.screen()))
        finally:
            load.kill()
            load.wait()
        terminal.press("s")
        terminal.read_until(lambda s: s.shows("sort: by p99"))
        assert all(len(line) <= 80 for line in terminal.screen()), terminal.screen()
        terminal.resize(140, 40)
        terminal.read_until(lambda s: s.shows("no room"))
        terminal.press("q")
        terminal.end(0)


@test
def signals_leave_the_terminal_as_it_was(t):
    with t.serve() as server:
        for sent in (signal.SIGINT, signal.SIGTERM):
            terminal = Terminal([t.program, "top", server.url], 80, 24, {"NO_COLOR": "1"})
            terminal.read_until(lambda s: s.shows("q quit"))
            terminal.process.send_signal(sent)
            terminal.end(-sent)
            assert not COLOUR.search(terminal.text), "colours in spite of NO_COLOR"


@test
def a_server_that_goes_and_comes_is_shown(t):
    with t.serve() as server:
        url, port = server.url, server.port
        terminal = Terminal([t.program, "top", url, "--interval", "100ms"], 120, 24)
        terminal.read_until(lambda s: s.shows("mlp:1"))
        assert server.stop() == 0
        terminal.read_until(lambda s: s.shows("cannot connect") and not s.shows("mlp:1"))
    with Server(t.program, t.repository, port=port):
        terminal.read_until(lambda s: s.shows("mlp:1"))
        terminal.press("q")
        terminal.end(0)


@test
def what_cannot_work_is_said(t):
    assert "not a URL" in t.top("http://", "--once", expect=1)
    assert "only http" in t.top("https://127.0.0.1:1", "--once", expect=1)
    assert "cannot connect" in t.top("http://127.0.0.1:1", "--once", expect=1)
    assert "--interval" in t.top("--interval", "soon", expect=1)
    assert "between" in t.top("--interval", "1ms", expect=1)
    assert "--once" in t.top("http://127.0.0.1:1", expect=1)  # stdout is no terminal
    t.top("--sort", "luck", expect=2)
    with Other() as other:
        assert "not those of a Tercel server" in t.top(other.url("prometheus"), "--once", expect=1)
        assert "line 1 of the metrics" in t.top(other.url("html"), "--once", expect=1)
        assert "answered 404" in t.top(other.url("nothing"), "--once", expect=1)


class Other:
    """A server that is not Tercel: /html/metrics is a page, /prometheus/metrics the metrics of something else."""

    def __enter__(self):
        import http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = {"/html/metrics": b"<html>hello</html>\n", "/prometheus/metrics": b"up 1\n"}.get(self.path)
                self.send_response(200 if body else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}/{path}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tercel", required=True, type=pathlib.Path)
    parser.add_argument("--only", help="run tests whose name holds this")
    arguments = parser.parse_args()
    failed = []
    chosen = [f for f in TESTS if not arguments.only or arguments.only in f.__name__]
    with tempfile.TemporaryDirectory(prefix="tercel-top-") as folder:
        setup = Setup(arguments.tercel.resolve(), folder)
        for function in chosen:
            try:
                function(setup)
                print(f"ok    {function.__name__}", flush=True)
            except Exception:
                failed.append(function.__name__)
                print(f"FAIL  {function.__name__}\n{traceback.format_exc()}", flush=True)
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
