#!/usr/bin/env python3
"""`tercel load` as its users meet it: against a server that misbehaves on request, and against a real one.

    load_test.py --tercel build/release/tercel

Ends with 'N passed, N failed'.
"""
import argparse
import html.parser
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import xml.etree.ElementTree

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from fake_server import FakeServer  # noqa: E402
from server import Server  # noqa: E402

TESTS = []
DIGITS = ROOT / "examples/digits"


def test(function):
    TESTS.append(function)
    return function


class Setup:
    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)

    def run(self, *arguments, expect=0, timeout=120):
        done = subprocess.run([self.program, "load", *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
        assert done.returncode == expect, f"tercel load {' '.join(map(str, arguments))}: exit {done.returncode}, expected {expect}\n{done.stdout[-800:]}{done.stderr[-800:]}"
        return done

    def json(self, *arguments, expect=0):
        return json.loads(self.run(*arguments, "--json", expect=expect).stdout)

    def refused(self, *arguments, says, expect=1):
        error = self.run(*arguments, expect=expect).stderr
        for word in [says] if isinstance(says, str) else says:
            assert word in error, f"'{word}' is not in: {error}"


def brief(server, model, *more, rate=100, seconds=1):
    return [server.url, "--model", model, "--rate", rate, "--duration", f"{seconds}s", "--warmup", "0", *more]


def outcomes(report):
    return {key: count for key, count in report["total"]["outcomes"].items() if count}


@test
def a_stall_is_charged_to_every_request_that_was_meant_to_start_in_it(t):
    """No coordinated omission: once for half a second nothing is answered, and all 100 requests of that time show it."""
    for connections in (64, 4):
        with FakeServer() as server:
            stall = threading.Timer(1.0, server.stall, [0.5])
            stall.start()
            report = t.json(*brief(server, "plain", "--arrivals", "constant", "--connections", connections, rate=200, seconds=3))
            stall.join()
        total = report["total"]
        assert total["requests"] == 600 and outcomes(report) == {"in_time": 600}, total
        # A sixth of the requests waited up to 500 ms, evenly spread: the 90th percentile lies at 500 * (1 - 60/100) = 200 ms,
        # and the 99th at 470 ms. A closed loop would have seen four slow requests in a thousand.
        assert 120_000 < total["latency_us"]["p90"]["value"] < 330_000, total["latency_us"]
        assert 400_000 < total["latency_us"]["p99"]["value"] < 650_000, total["latency_us"]
        assert total["latency_us"]["p50"]["value"] < 60_000, total["latency_us"]
        assert total["delayed"] > 60 if connections == 4 else total["connections_opened"] > 40, total


@test
def outcomes_are_told_apart(t):
    with FakeServer() as server:
        report = t.json(*brief(server, "mixed", "--deadline", "500ms", rate=150))
        requests = report["total"]["requests"]
        counts = outcomes(report)
        assert set(counts) == {"in_time", "refused", "deadline_exceeded"} and sum(counts.values()) == requests, counts
        assert all(abs(count - requests / 3) <= 1 for count in counts.values()), counts
        assert report["total"]["examples"]["refused"] == "429: the queue is full", report["total"]["examples"]
        assert report["total"]["refused_us"]["requests"] == counts["refused"] and report["total"]["refused_us"]["p50"]["value"] < 400_000
        assert report["total"]["latency_of_all_us"]["p50"]["value"] is None, "half of the requests were never answered"
        assert abs(report["total"]["attainment"]["value"] - 1 / 3) < 0.02
        late = t.json(*brief(server, "late", "--deadline", "20ms", rate=20))
        assert outcomes(late) == {"late": late["total"]["requests"]}, late["total"]
        assert 35_000 < late["total"]["late_by_us"]["p50"]["value"] < 200_000, late["total"]["late_by_us"]
        for model, outcome, says in (("garbage", "bad_answer", "not HTTP/1.1"), ("not_an_answer", "bad_answer", "no 'outputs'"),
                                     ("short_tensors", "bad_answer", "announces 8 bytes of tensors and brings 3"),
                                     ("cut", "connection_error", "in the middle of an answer"), ("too_large", "client_error", "413: too large")):
            report = t.json(*brief(server, model), expect=1)
            assert set(outcomes(report)) == {outcome}, (model, outcomes(report))
            assert says in report["total"]["examples"][outcome], (model, report["total"]["examples"])


@test
def answers_of_every_legal_form_are_understood(t):
    with FakeServer() as server:
        for model in ("plain", "chunks", "interim", "dripping", "closing", "two_inputs"):
            report = t.json(*brief(server, model, rate=50))
            assert set(outcomes(report)) == {"in_time"}, (model, outcomes(report), report["total"]["examples"])


@test
def what_does_not_fit_into_a_socket_is_sent_and_received(t):
    large = ["--shape", "x=500000x4", "--connections", 4]  # 8 MB a request
    with FakeServer() as server:
        report = t.json(*brief(server, "plain", *large, rate=10))
        assert set(outcomes(report)) == {"in_time"} and report["total"]["bytes_sent"] > 8_000_000 * report["total"]["requests"], report["total"]
        assert all(len(request.body) > 8_000_000 for request in server.requests)
        report = t.json(*brief(server, "large_answer", rate=10))
        assert set(outcomes(report)) == {"in_time"} and report["total"]["bytes_received"] > 3_000_000 * report["total"]["requests"], report["total"]
        # A server that refuses before it has read everything: whether its answer is seen depends on who was faster.
        report = t.json(*brief(server, "impatient", *large, rate=10), expect=1)
        assert set(outcomes(report)) <= {"client_error", "connection_error"} and report["total"]["requests"] > 0, outcomes(report)


@test
def a_silent_server_is_given_up(t):
    with FakeServer() as server:
        begun = time.monotonic()
        report = t.json(*brief(server, "silent", "--timeout", "500ms", "--connections", 8), expect=1)
        assert time.monotonic() - begun < 15
        assert outcomes(report) == {"timed_out": report["total"]["requests"]}, outcomes(report)


@test
def a_server_that_vanishes_ends_no_run(t):
    for pace in (["--rate", 100], ["--closed", "--connections", 4]):
        with FakeServer() as server:
            end = threading.Timer(1.0, server.vanish)
            end.start()
            report = t.json(server.url, "--model", "plain", *pace, "--duration", "2s", "--warmup", "0")
            end.join()
        counts = outcomes(report)
        assert set(counts) == {"in_time", "connection_error"} and min(counts.values()) > 20, counts


@test
def what_goes_out_is_what_was_asked_for(t):
    with FakeServer() as server:
        t.json(*brief(server, "plain", "--deadline", "80ms", "--class", "hard", "--shape", "x=3x4", "--header", "Authorization: Bearer t", rate=50))
        assert len(server.requests) > 20
        for request in server.requests:
            assert request.head == "POST /v2/models/plain/infer HTTP/1.1", request.head
            assert request.headers["x-tercel-class"] == "hard" and request.headers["authorization"] == "Bearer t", request.headers
            assert 0 < int(request.headers["x-tercel-deadline-us"]) <= 80_000, request.headers
            header = int(request.headers["inference-header-content-length"])
            document = json.loads(request.body[:header])
            assert document["inputs"] == [{"name": "x", "shape": [3, 4], "datatype": "FP32", "parameters": {"binary_data_size": 48}}], document
            assert len(request.body) == header + 48 and document["parameters"] == {"binary_data_output": True}
        assert len({request.body for request in server.requests}) == 16, "the contents take turns"
        server.requests.clear()
        report = t.json(*brief(server, "plain", "--parameter", "priority=1", "--parameter", "timeout=20000", "--parameter", 'id="7"'))
        for request in server.requests:  # Triton takes its own parameters only as integers
            parameters = json.loads(request.body[:int(request.headers["inference-header-content-length"])])["parameters"]
            assert parameters == {"binary_data_output": True, "priority": 1, "timeout": 20000, "id": "7"}, parameters
        assert report["clients"][0]["parameters"] == {"priority": 1, "timeout": 20000, "id": "7"}, report["clients"][0]
        server.requests.clear()
        t.json(*brief(server, "plain", "--model-version", "7"))
        assert all(r.head.startswith("POST /v2/models/plain/versions/7/infer") for r in server.requests)
        assert all("x-tercel-deadline-us" not in r.headers and "x-tercel-class" not in r.headers for r in server.requests)
        # A request that had to wait for a connection has less of its deadline left.
        server.requests.clear()
        t.run(*brief(server, "late", "--deadline", "200ms", "--connections", 1, "--arrivals", "constant", rate=50))
        left = [int(r.headers["x-tercel-deadline-us"]) for r in server.requests]
        assert left[0] > 150_000 and left[-1] == 1 and left == sorted(left, reverse=True), left


@test
def the_same_seed_gives_the_same_load(t):
    seen = []
    for seed in (5, 5, 6):
        with FakeServer() as server:
            t.json(*brief(server, "plain", "--seed", seed, "--connections", 1, rate=40))
            seen.append([(request.body, round(request.arrived - server.requests[0].arrived, 6)) for request in server.requests])
    assert [body for body, _ in seen[0]] == [body for body, _ in seen[1]], "bodies differ"
    assert [body for body, _ in seen[0]] != [body for body, _ in seen[2]]
    gaps = [abs(a - b) for (_, a), (_, b) in zip(seen[0], seen[1])]
    assert sorted(gaps)[len(gaps) // 2] < 0.01, f"the schedules differ by {sorted(gaps)[len(gaps) // 2]} s"


@test
def several_clients_from_a_file(t):
    (t.folder / "trace.txt").write_text("# seconds\n" + "".join(f"{i * 0.02}\n" for i in range(60)))
    clients = t.folder / "clients.toml"
    clients.write_text("""
[[client]]
name = "interactive"
model = "plain"
class = "hard"
deadline = "200ms"
share = 0.25
arrivals = "constant"

[[client]]
name = "replayed"
model = "mixed"
arrivals = "trace:trace.txt"

[[client]]
name = "flood"
model = "late"
class = "bulk"
arrivals = "closed"
connections = 3
parameters = { priority = 2 }
""")
    with FakeServer() as server:
        report = t.json(server.url, "--clients", clients, "--rate", 200, "--duration", "1.5s")
        by_name = {client["name"]: client for client in report["clients"]}
        assert by_name["interactive"]["requests"] == 75 and by_name["interactive"]["deadline_us"] == 200_000, by_name
        assert by_name["replayed"]["requests"] == 60, by_name["replayed"]
        assert by_name["flood"]["connections_opened"] == 3 and 20 < by_name["flood"]["requests"] <= 78, by_name["flood"]
        assert report["total"]["requests"] == sum(client["requests"] for client in report["clients"])
        assert {r.headers["x-tercel-class"] for r in server.requests if r.model == "late"} == {"bulk"}
        assert all((b'"priority":2' in r.body) == (r.model == "late") for r in server.requests)
        text = t.run(server.url, "--clients", clients, "--rate", 200, "--duration", "1s").stdout
        assert "interactive" in text and "total" in text, text
    clients.write_text('[[client]]\nname = "a"\nmodel = "m"\nrate = 1\ndeadlin = "1ms"\n')
    t.refused("http://127.0.0.1:1", "--clients", clients, says=["clients.toml line 5: unknown key 'deadlin'"])
    t.refused("http://127.0.0.1:1", "--clients", clients, "--model", "m", says=["beside --clients there is no --model"])


@test
def wrong_usage_is_a_sentence(t):
    t.refused("http://127.0.0.1:1", "--model", "m", "--rate", 1, says=["cannot connect to http://127.0.0.1:1", "check that the server runs"])
    t.refused("https://h", "--model", "m", "--rate", 1, says="only http")
    t.refused("http://no-such-host.invalid", "--model", "m", "--rate", 1, says="'no-such-host.invalid' is not known")
    with FakeServer() as server:
        t.refused(server.url, "--rate", 1, says="--model NAME")
        t.refused(server.url, "--model", "m", says="--rate REQUESTS_PER_SECOND")
        t.refused(server.url, "--model", "m", "--closed", "--rate", 1, says="no meaning")
        t.refused(server.url, "--model", "unknown", "--rate", 1, says=["404", "there is no model 'unknown'"])
        t.refused(server.url, "--model", "text_input", "--rate", 1, says=["'t'", "BYTES"])
        for flag, value, says in (("--deadline", "20", "20ms"), ("--class", "urgent", "guaranteed"), ("--arrivals", "x", "poisson"),
                                  ("--shape", "x=1x5", "[-1,4]"), ("--shape", "y=1", "it has x"), ("--inputs", "/no/such.npz", "/no/such.npz"),
                                  ("--header", "a\r\nb: c", "Name: value"), ("--parameter", "priority", "NAME=VALUE"),
                                  ("--parameter", "binary_data_output=false", "always sent"), ("--duration", "0", "1ms"), ("--rate", "1e9", "--rate"),
                                  ("--find-rate", "p99", "p99=10ms"), ("--find-rate", "attainment=99%", "deadline"), ("--arrivals", "trace:/no/such", "/no/such")):
            t.refused(server.url, "--model", "plain", *([] if flag == "--rate" else ["--rate", 1]), flag, value, says=says)
        t.refused(server.url, "--model", "m", "--find-rate", "p99=1ms", "--html", "x.html", says="--html")
        t.refused(server.url, "--model", "m", "--conections", 1, says="--conections", expect=2)


@test
def an_interrupt_reports_what_was_measured(t):
    with FakeServer() as server:
        process = subprocess.Popen([t.program, "load", server.url, "--model", "plain", "--rate", "100", "--duration", "60s", "--warmup", "0", "--json"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20
        while len(server.requests) < 50 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    report = json.loads(out)
    assert process.returncode == 0 and report["interrupted"] and report["total"]["requests"] >= 40, (process.returncode, error, report)
    assert report["duration_s"] < 25 and "ended early" in " ".join(report["warnings"]), report


class Page(html.parser.HTMLParser):
    """What a page asks for from outside, and how many elements of each kind it has."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.outside = {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.outside += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]


@test
def the_html_report_stands_alone(t):
    page = t.folder / "report.html"
    with FakeServer() as server:
        t.json(*brief(server, "mixed", "--deadline", "20ms", "--html", page, rate=150))
        t.refused(*brief(server, "plain", "--html", t.folder / "no/such/folder.html", rate=20), says="folder.html")
    text = page.read_text()
    parsed = Page(text)
    assert not parsed.outside and "script" not in parsed.tags and parsed.tags["svg"] == 4, (parsed.outside, parsed.tags)
    for piece in text.split("<svg")[1:]:
        xml.etree.ElementTree.fromstring("<svg" + piece.split("</svg>")[0] + "</svg>")
    assert "429: the queue is full" in text and "deadline exceeded" in text


@test
def the_highest_rate_is_found(t):
    """Two connections to a model that takes 60 ms cannot have more than 33 answers a second."""
    with FakeServer() as server:
        found = t.json(server.url, "--model", "late", "--connections", 2, "--find-rate", "p80=300ms", "--duration", "2s", "--warmup", "200ms",
                       "--precision", 30, "--arrivals", "constant")
        assert 15 < found["rate"] < 40 and found["broken_rate"] > found["rate"], found
        assert found["broken_rate"] / found["rate"] <= 1.31 and len(found["trials"]) >= 3, found
        assert all(trial["requests"] > 0 for trial in found["trials"]), found
        text = t.run(server.url, "--model", "late", "--connections", 2, "--find-rate", "attainment=50%", "--deadline", "300ms", "--rate", 1000,
                     "--duration", "1s", "--warmup", "0", "--timeout", "500ms", "--precision", 100).stdout
        assert "broke it" in text and "kept" in text, text
        t.refused(server.url, "--model", "late", "--closed", "--find-rate", "p99=10ms", says="closed")


@test
def a_real_server(t):
    """Tercel's own, with the committed models and their samples."""
    repository = t.folder / "models"
    for model in ("mlp", "cnn"):
        target = repository / model / "1/model.plan"
        target.parent.mkdir(parents=True)
        subprocess.run([t.program, "compile", DIGITS / f"{model}.onnx", "-o", target, "--tune-budget", "0.3", "-q"], check=True, timeout=300)
    samples = t.folder / "samples.npz"
    np.savez(samples, image=np.load(DIGITS / "test.npz")["x"])
    with Server(t.program, repository) as server:
        url = f"http://{server.url}"
        report = t.json(url, "--model", "cnn", "--inputs", samples, "--rate", 300, "--duration", "2s", "--deadline", "500ms", "--class", "hard")
        total = report["total"]
        assert outcomes(report) == {"in_time": total["requests"]} and total["requests"] > 400, (outcomes(report), total["examples"])
        assert report["clients"][0]["shapes"] == "image=1x1x8x8", report["clients"][0]["shapes"]
        assert 50 < total["latency_us"]["p50"]["value"] < 200_000, total["latency_us"]
        closed = t.json(url, "--model", "mlp", "--closed", "--connections", 4, "--duration", "1s", "--warmup", "200ms")
        assert set(outcomes(closed)) == {"in_time"} and closed["total"]["requests"] > 200, outcomes(closed)
        t.refused(url, "--model", "none", "--rate", 1, says=["404", "none"])
        a_reserved_stream(t, url)
        assert server.stop() == 0


def a_reserved_stream(t, url):
    def reserve(*arguments, expect=0):
        done = subprocess.run([t.program, "reserve", url, *map(str, arguments)], capture_output=True, text=True, timeout=60)
        assert done.returncode == expect, f"tercel reserve {arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr
    stream = ["--model", "cnn", "--rate", 20, "--arrivals", "constant", "--deadline", "400ms", "--reservation", "auto"]
    total = t.json(url, *stream, "--duration", "1s", "--warmup", 0)["total"]
    assert total["outcomes"]["in_time"] == total["requests"] == 20, total
    assert "no reservations" in reserve("--list"), "released at the end"
    made = json.loads(reserve("--model", "cnn", "--period-us", 50_000, "--deadline-us", 400_000, "--lease-s", 30, "--json"))
    assert made["lease_s"] == 30 and made["rows"] == 1, made
    total = t.json(url, "--model", "cnn", "--rate", 20, "--deadline", "400ms", "--reservation", made["reservation"], "--duration", "1s")["total"]
    assert total["outcomes"]["in_time"] == total["requests"], total
    assert made["reservation"] in reserve("--list") and "policed" in reserve("--list")
    reserve("--release", made["reservation"])
    assert "there is no reservation" in reserve("--release", made["reservation"], expect=1)
    assert "lengthen the period or the deadline" in reserve("--model", "cnn", "--period-us", 1, "--deadline-us", 9000, expect=1)
    assert "no model 'none'" in reserve("--model", "none", "--period-us", 9000, "--deadline-us", 9000, expect=1)
    assert "give --model" in reserve("--model", "cnn", expect=1)
    assert "lease_s is 100000" in reserve("--model", "cnn", "--period-us", 9000, "--deadline-us", 9000, "--lease-s", 100_000, expect=1)
    assert "one at a time" in reserve("--list", "--release", "00", expect=1)
    t.refused(url, "--model", "cnn", "--rate", 20, "--deadline", "400ms", "--reservation", "auto", says='arrivals = "constant"')
    t.refused(url, *stream, "--find-rate", "p99=10ms", says="leave the reservation out")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tercel", required=True, type=pathlib.Path)
    parser.add_argument("--only", help="run tests whose name holds this")
    arguments = parser.parse_args()
    failed = []
    chosen = [f for f in TESTS if not arguments.only or arguments.only in f.__name__]
    for function in chosen:
        with tempfile.TemporaryDirectory(prefix="tercel-load-") as folder:
            begun = time.monotonic()
            try:
                function(Setup(arguments.tercel.resolve(), folder))
                print(f"ok    {function.__name__}  ({time.monotonic() - begun:.1f} s)", flush=True)
            except Exception:
                failed.append(function.__name__)
                print(f"FAIL  {function.__name__}\n{traceback.format_exc()}", flush=True)
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
