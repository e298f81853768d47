#!/usr/bin/env python3
"""The server as its users meet it: PyPI's tritonclient, unmodified, and raw sockets, against a running binary.

    http_test.py --serve build/release/tercel-serve --tercel build/release/tercel --load build/release/bench/http/http_load

Ends with 'N passed, N failed'.
"""
import argparse
import asyncio
import http.server
import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request

import ml_dtypes
import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

import make_models
from server import Server

TESTS = []
NUMPY = {"fp32": np.float32, "fp64": np.float64, "fp16": np.float16, "int8": np.int8, "int16": np.int16, "int32": np.int32,
         "int64": np.int64, "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32, "uint64": np.uint64, "bool": np.bool_}


def test(function):
    TESTS.append(function)
    return function


class Setup:
    def __init__(self, arguments, server, repository):
        self.arguments, self.server, self.repository = arguments, server, repository
        self.client = triton.InferenceServerClient(server.url, concurrency=8)

    def get(self, path, method="GET", body=None, headers={}):
        request = urllib.request.Request(f"http://{self.server.url}/{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, reply.read().decode(), reply.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers


def tensor(name, array, binary, datatype=None):
    made = triton.InferInput(name, list(array.shape), datatype or np_to_triton_dtype(array.dtype))
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def refused(status, text, call, *arguments, **named):
    """The call must fail with this status and a sentence that holds the text."""
    try:
        call(*arguments, **named)
    except InferenceServerException as error:
        assert error.status() == str(status), f"status {error.status()}, expected {status}: {error.message()}"
        assert text in error.message(), f"'{text}' is not in: {error.message()}"
        return
    raise AssertionError(f"not refused, expected {status} {text}")


def eventually(found, seconds=10):
    """The first result that is true; the last one when none is in time. The server counts a request when its reply has left."""
    end = time.monotonic() + seconds
    while not (result := found()) and time.monotonic() < end:
        time.sleep(0.001)
    return result


def attempt(call):
    """What a call returns, or None where the server refuses it."""
    try:
        return call()
    except InferenceServerException:
        return None


@test
def health_metadata_config(t):
    assert t.client.is_server_live() and t.client.is_server_ready()
    assert t.client.is_model_ready("mlp") and t.client.is_model_ready("versions", "1")
    assert not t.client.is_model_ready("broken") and not t.client.is_model_ready("nothing")
    server = t.client.get_server_metadata()
    assert server["name"] == "tercel" and "binary_tensor_data" in server["extensions"], server
    metadata = t.client.get_model_metadata("simple")
    assert metadata["inputs"] == [{"name": n, "datatype": "INT32", "shape": [1, 16]} for n in ("INPUT0", "INPUT1")], metadata
    assert [o["name"] for o in metadata["outputs"]] == ["OUTPUT0", "OUTPUT1"] and metadata["versions"] == ["1"], metadata
    assert t.client.get_model_metadata("versions")["versions"] == ["1", "3"]
    config = t.client.get_model_config("identity_fp32")
    assert config["max_batch_size"] == 0 and config["input"] == [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 4]}], config
    assert config["name"] == "identity_fp32" and config["output"][0]["name"] == "y", config


@test
def broken_models_are_listed_beside_good_ones(t):
    index = {(m["name"], m.get("version")): m for m in t.client.get_model_repository_index()}
    assert index[("mlp", "1")]["state"] == "READY", index
    assert index[("broken", "1")]["state"] == "UNAVAILABLE" and "model.plan" in index[("broken", "1")]["reason"], index
    assert "line 2: unknown key 'instnaces'" in index[("misspelt", None)]["reason"], index
    assert str(t.repository) not in json.dumps(t.client.get_model_repository_index()), "a reason tells where the repository lies"
    refused(503, "model 'broken' is not ready", t.client.get_model_metadata, "broken")
    refused(503, "is not ready", t.client.infer, "misspelt", [tensor("x", np.zeros((1, 4), np.float32), True)])


@test
def a_ladder_degrades_for_a_deadline_and_says_so(t):
    config = t.client.get_model_config("ladder")["parameters"]
    assert config["variants"]["string_value"] == "long,short" and config["variant.long.accuracy"]["string_value"] == "0.98", config
    us = {name: int(config[f"variant.{name}.p50_us"]["string_value"]) for name in ("long", "short")}
    assert us["short"] * 4 < us["long"], us
    answers_by = lambda: {v["name"]: v["inference_count"] for v in t.client.get_inference_statistics("ladder")["model_stats"][0]["variants"]}  # noqa: E731
    before = answers_by()
    x = [tensor("h0", np.ones((256, 512), np.float32), True)]
    ask = lambda **more: t.client.infer("ladder", x, **more).get_response()["parameters"]  # noqa: E731
    assert ask() == {"variant": "long", "accuracy": 0.98}
    # Less than the long one takes; enough for the short one on a machine that is busy now and then.
    degraded = eventually(lambda: attempt(lambda: ask(timeout=us["long"] * 3 // 4)))
    assert degraded and degraded["variant"] == "short" and degraded["accuracy"] == 0.9 and not degraded["late"], degraded
    refused(400, "no variant of the model is as accurate as min_accuracy asks", t.client.infer, "ladder", x, parameters={"min_accuracy": 0.99})
    after = eventually(lambda: (now := answers_by())["long"] == before["long"] + 1 and now["short"] > before["short"] and now)
    assert after, (before, answers_by())
    assert f'tercel_variant_answers_total{{model="ladder",version="1",variant="short"}} {after["short"]}\n' in t.get("metrics")[1]


@test
def infer_both_ways_in_both_directions(t):
    a, b = np.arange(16, dtype=np.int32).reshape(1, 16), np.full((1, 16), 3, np.int32)
    for binary_in in (False, True):
        for binary_out in (False, True):
            inputs = [tensor("INPUT0", a, binary_in), tensor("INPUT1", b, binary_in)]
            outputs = [triton.InferRequestedOutput("OUTPUT1", binary_data=binary_out), triton.InferRequestedOutput("OUTPUT0", binary_data=not binary_out)]
            result = t.client.infer("simple", inputs, outputs=outputs, request_id="my id")
            assert (result.as_numpy("OUTPUT0") == a + b).all() and (result.as_numpy("OUTPUT1") == a - b).all()
            answer = result.get_response()
            assert answer["id"] == "my id" and answer["model_name"] == "simple" and answer["model_version"] == "1", answer
            assert [o["name"] for o in answer["outputs"]] == ["OUTPUT1", "OUTPUT0"], answer
    mixed = t.client.infer("simple", [tensor("INPUT1", b, True), tensor("INPUT0", a, False)])
    assert (mixed.as_numpy("OUTPUT1") == a - b).all()
    only = t.client.infer("simple", [tensor("INPUT0", a, True), tensor("INPUT1", b, True)], outputs=[triton.InferRequestedOutput("OUTPUT1")])
    assert only.as_numpy("OUTPUT0") is None and (only.as_numpy("OUTPUT1") == a - b).all()


@test
def deadlines_through_a_stock_client(t):
    x = [tensor("INPUT0", np.zeros((1, 16), np.int32), True), tensor("INPUT1", np.zeros((1, 16), np.int32), True)]
    assert "parameters" not in t.client.infer("simple", x).get_response()
    told = t.client.infer("simple", x, timeout=30_000_000).get_response()["parameters"]
    assert told["class"] == "hard" and 0 < told["slack_us"] < 30_000_000 and told["late"] is False, told
    told = t.client.infer("simple", x, parameters={"deadline_us": 1, "class": "soft"}).get_response()["parameters"]
    assert told["class"] == "soft" and told["slack_us"] < 0 and told["late"] is True, told
    told = t.client.infer("simple", x, headers={"x-tercel-deadline-us": "30000000", "x-tercel-class": "soft"}).get_response()["parameters"]
    assert told["class"] == "soft" and told["late"] is False, told
    refused(504, "deadline passed", t.client.infer, "simple", x, timeout=1)
    refused(400, "deadline_us is -4", t.client.infer, "simple", x, parameters={"deadline_us": -4})


@test
def every_data_type(t):
    random = np.random.default_rng(1)
    for name, dtype in NUMPY.items():
        for rows in (1, 5):
            if dtype is np.bool_:
                values = random.integers(0, 2, (rows, 4)).astype(np.bool_)
            elif np.issubdtype(dtype, np.integer):
                values = random.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (rows, 4), dtype, endpoint=True)
            else:
                values = random.standard_normal((rows, 4)).astype(dtype)
            for binary in ((True,) if name == "fp16" else (True, False)):
                result = t.client.infer(f"identity_{name}", [tensor("x", values, binary)],
                                        outputs=[triton.InferRequestedOutput("y", binary_data=binary)])
                back = result.as_numpy("y")
                assert back.dtype == dtype and back.shape == values.shape and (back == values).all(), (name, binary, values, back)
    bf16 = np.array([[1.5, -2, 0, 384]], ml_dtypes.bfloat16)
    made = triton.InferInput("x", [1, 4], "BF16")
    made.set_data_from_numpy(bf16)
    assert (t.client.infer("identity_bf16", [made]).as_numpy("y").astype(np.float32) == bf16.astype(np.float32)).all()
    refused(400, "16-bit floats", t.client.infer, "identity_fp16", [tensor("x", np.zeros((1, 4), np.float16), True)],
            outputs=[triton.InferRequestedOutput("y", binary_data=False)])


@test
def sizes_that_depend_on_data(t):
    for values in ([0, 1, 0, 2, 0, 0, 0, 3], [0] * 8, [1] * 8, [1] * 8):
        x = np.array(values, np.float32)
        for binary in (True, False):
            result = t.client.infer("nonzero", [tensor("x", x, True)], outputs=[triton.InferRequestedOutput("y", binary_data=binary)])
            assert (result.as_numpy("y") == np.array(np.nonzero(x))).all(), values


@test
def special_values_come_through(t):
    x = np.array([[np.nan, np.inf, -np.inf, -0.0]], np.float32)
    back = t.client.infer("identity_fp32", [tensor("x", x, True)]).as_numpy("y")
    assert back.tobytes() == x.tobytes(), back


@test
def versions(t):
    x = [tensor("x", np.ones((1, 4), np.float32), True)]
    for asked, answered in (("", "3"), ("1", "1"), ("3", "3")):
        assert t.client.infer("versions", x, model_version=asked).get_response()["model_version"] == answered
    refused(404, "has no version 2", t.client.infer, "versions", x, model_version="2")


@test
def errors_are_sentences(t):
    ones = np.ones((1, 4), np.float32)
    refused(404, "no model 'nothing'", t.client.infer, "nothing", [tensor("x", ones, True)])
    refused(400, "the model has no input 'z'; it has 'x'", t.client.infer, "identity_fp32", [tensor("z", ones, True)])
    refused(400, "datatype FP64, the model wants FP32", t.client.infer, "identity_fp32", [tensor("x", ones.astype(np.float64), True)])
    refused(400, "shape [1,5], the model wants [-1,4]", t.client.infer, "identity_fp32", [tensor("x", np.ones((1, 5), np.float32), True)])
    refused(400, "is missing", t.client.infer, "simple", [tensor("INPUT0", np.zeros((1, 16), np.int32), True)])
    refused(400, "no output 'q'", t.client.infer, "identity_fp32", [tensor("x", ones, True)], outputs=[triton.InferRequestedOutput("q")])
    refused(400, "classification", t.client.infer, "identity_fp32", [tensor("x", ones, True)],
            outputs=[triton.InferRequestedOutput("y", class_count=2)])
    refused(400, "BYTES", t.client.infer, "identity_fp32", [tensor("x", np.array([["a", "b", "c", "d"]], dtype=object), True)])
    refused(415, "compressed", t.client.infer, "identity_fp32", [tensor("x", ones, True)], request_compression_algorithm="gzip")
    refused(400, "not offered", t.client.load_model, "identity_fp32")
    status, body, _ = t.get("v2/models/mlp/infer", "POST", b"[" * 200_000)
    assert status == 400 and "error" in json.loads(body), (status, body[:200])
    status, body, headers = t.get("v2/models/mlp/infer")
    assert status == 405 and headers["Allow"] == "POST", (status, body)
    assert t.client.is_server_live()


@test
def asynchronous_requests(t):
    handles = []
    for i in range(64):
        x = np.full((1, 4), i, np.float32)
        handles.append((i, t.client.async_infer("identity_fp32", [tensor("x", x, True)])))
    for i, handle in handles:
        assert (handle.get_result().as_numpy("y") == i).all()


@test
def the_asyncio_client(t):
    async def ask():
        async with triton_aio.InferenceServerClient(t.server.url) as client:
            assert await client.is_server_ready()
            x = [np.full((1, 4), i, np.float32) for i in range(32)]
            answers = await asyncio.gather(*(client.infer("identity_fp32", [tensor("x", row, True)]) for row in x))
            assert all((answer.as_numpy("y") == row).all() for answer, row in zip(answers, x))

    asyncio.run(ask())


@test
def statistics_metrics_and_timing(t):
    statistics = lambda: t.client.get_inference_statistics("mlp")["model_stats"][0]["inference_stats"]  # noqa: E731
    before = statistics()["success"]["count"]
    x = np.zeros((1, 784), np.float32)
    for _ in range(5):
        t.client.infer("mlp", [tensor("x", x, True)])
    assert eventually(lambda: statistics()["success"]["count"] == before + 5), (before, statistics())
    assert statistics()["compute_infer"]["ns"] > 0, statistics()
    assert len(t.client.get_inference_statistics()["model_stats"]) > 10
    metrics = t.get("metrics")[1]
    assert f'tercel_requests_total{{model="mlp",version="1",outcome="ok"}} {before + 5}\n' in metrics
    assert "nv_" not in metrics
    triton_names = t.get("metrics?names=triton")[1]
    assert f'nv_inference_request_success{{model="mlp",version="1"}} {before + 5}\n' in triton_names
    assert "tercel_" not in triton_names
    for line in (metrics + triton_names).splitlines():
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2, line
        if not line.startswith("# "):
            float(line.rsplit(" ", 1)[1])
    body = json.dumps({"inputs": [{"name": "x", "shape": [1, 784], "datatype": "FP32", "data": x.tolist()}]}).encode()
    timing = t.get("v2/models/mlp/infer", "POST", body, {"x-tercel-timing": "1"})[2]["Server-Timing"]
    stages = {part.split(";")[0]: float(part.split("dur=")[1]) for part in timing.split(", ")}
    assert set(stages) == {"receive", "parse", "queue", "compute", "serialise", "total"}, timing
    assert abs(sum(v for k, v in stages.items() if k != "total") - stages["total"]) < 0.01, timing


class Collector(http.server.BaseHTTPRequestHandler):
    """Keeps what is exported: (path, decoded body)."""
    got = []

    def do_POST(self):
        Collector.got.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@test
def requests_are_spans_of_their_callers_trace(t):
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}", "OTEL_SERVICE_NAME": "e2e"}
    x = np.zeros((1, 784), np.float32)
    with Server(t.arguments.serve, t.repository, environment=environment) as server:
        client = triton.InferenceServerClient(server.url)
        client.infer("mlp", [tensor("x", x, True)], headers={"traceparent": f"00-{trace}-{parent}-01"})
        client.infer("mlp", [tensor("x", x, True)], headers={"traceparent": f"00-{trace}-{parent}-00"})
        client.infer("mlp", [tensor("x", x, True)])
        client.close()
        assert server.stop() == 0, server.log()  # what waits is sent when the server ends
    collector.shutdown()
    assert [path for path, _ in Collector.got] == ["/v1/traces"], Collector.got
    exported = Collector.got[0][1]["resourceSpans"][0]
    assert {"key": "service.name", "value": {"stringValue": "e2e"}} in exported["resource"]["attributes"], exported["resource"]
    spans = exported["scopeSpans"][0]["spans"]
    requests = [span for span in spans if span["name"] == "request"]
    assert len(requests) == 2, requests
    assert requests[0]["traceId"] == trace and requests[0]["parentSpanId"] == parent, requests[0]
    assert requests[1]["traceId"] != trace and "parentSpanId" not in requests[1], requests[1]
    below = {span["name"]: span for span in spans if span.get("parentSpanId") == requests[0]["spanId"]}
    assert {"receive", "parse", "compute", "serialise", "send"} <= below.keys(), below
    assert all(span["traceId"] == trace for span in below.values()), below
    total = sum(int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) for span in below.values())
    assert total == int(requests[0]["endTimeUnixNano"]) - int(requests[0]["startTimeUnixNano"]), (total, requests[0])


@test
def reservations(t):
    ask = lambda path, method, body=None, headers={}: (lambda r: (r[0], json.loads(r[1])))(t.get(path, method, body, headers))  # noqa: E731
    wish = {"model": "mlp", "period_us": 50_000, "deadline_us": 200_000, "jitter_us": 20_000}
    status, made = ask("v2/reservations", "POST", json.dumps(wish).encode())
    assert status == 201 and made["model"] == "mlp" and made["worst_us"] >= 110, (status, made)
    x = np.zeros((1, 784), np.float32)
    for how in ({"headers": {"x-tercel-reservation": made["reservation"]}}, {"parameters": {"reservation": made["reservation"]}}):
        answer = t.client.infer("mlp", [tensor("x", x, True)], **how).get_response()
        assert answer["parameters"]["class"] == "guaranteed", answer
        time.sleep(0.05)
    status, listed = ask("v2/reservations", "GET")
    mine = [r for r in listed["reservations"] if r["reservation"] == made["reservation"]]
    assert mine and mine[0]["served"] == 2 and mine[0]["missed"] == 0, listed
    status, refusal = ask("v2/reservations", "POST", json.dumps({**wish, "period_us": 1}).encode())
    assert status == 429 and refusal["excess_us"] > 0 and "too much" in refusal["error"], refusal
    assert ask(f"v2/reservations/{made['reservation']}", "DELETE")[0] == 200
    refused(404, "reserve again", t.client.infer, "mlp", [tensor("x", x, True)], headers={"x-tercel-reservation": made["reservation"]})


@test
def a_full_queue_refuses_and_the_rest_is_served(t):
    x = np.ones((256, 512), np.float32)
    outcomes = []

    def ask():
        client = triton.InferenceServerClient(t.server.url)
        try:
            answer = client.infer("deep", [tensor("h0", x, True)]).as_numpy("h60")
            outcomes.append(bool(np.allclose(answer, 1, rtol=1e-3)))
        except InferenceServerException as error:
            outcomes.append(error.status())

    end = time.monotonic() + 60
    while not {True, "429"} <= set(outcomes) and time.monotonic() < end:
        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(outcomes) <= {True, "429"} and True in outcomes and "429" in outcomes, outcomes


@test
def a_wrong_value_harms_no_neighbour(t):
    """Requests that wait behind `deep`, and share batches where they can; some ask for rows that do not exist."""
    address = ("127.0.0.1", t.server.port)
    hold = http_request("deep", np.ones((256, 512), np.float32), "h0")
    for round_ in range(5):
        asked = [i % 10 if i % 8 else (1 << 40) * (-1) ** i for i in range(round_, round_ + 32)]
        clients = [socket.create_connection(address) for _ in range(2 + len(asked))]
        for client in clients[:2]:
            client.sendall(hold)
        for client, index in zip(clients[2:], asked):
            client.sendall(http_request("pick", np.array([index], np.int64)))
        for client, index in zip(clients[2:], asked):
            status, body = http_answer(client)
            assert status == 200 and np.frombuffer(body[-16:], np.float32).tolist() == [float(np.clip(index, 0, 9))] * 4, (index, status, body)
        for client in clients:
            client.close()


@test
def slow_and_broken_clients_harm_nobody(t):
    address = ("127.0.0.1", t.server.port)
    silent = [socket.create_connection(address) for _ in range(100)]
    for i, half in enumerate(silent):
        half.send(b"POST /v2/models/mlp/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n" if i % 2 else b"GET /v2")
    for _ in range(200):
        with socket.create_connection(address) as gone:
            gone.send(b"POST /v2/models/deep/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 524288\r\n\r\n" + b"x" * 1000)
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset instead of an end
    x = np.ones((1, 4), np.float32)
    for _ in range(20):
        assert (t.client.infer("identity_fp32", [tensor("x", x, True)]).as_numpy("y") == x).all()
    for half in silent:
        half.close()


@test
def many_requests_over_many_connections(t):
    """Closed loop; no failure, every answer the same, and no memory that stays."""
    if not t.arguments.load:
        return "skipped: no --load"
    request = t.repository.parent / "mlp.request"
    request.write_bytes(http_request("mlp", np.linspace(0, 1, 784, dtype=np.float32).reshape(1, 784)))

    def run(count):
        done = subprocess.run([t.arguments.load, request, "--ports", str(t.server.port), "--connections", "32", "--requests", str(count)],
                              capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)["servers"][0]

    run(t.arguments.requests)  # whatever grows once has grown
    before = t.server.resident_bytes()
    result = run(t.arguments.requests)
    growth = t.server.resident_bytes() - before
    assert result["requests"] == t.arguments.requests and result["failures"] == 0, result
    assert growth <= 1 << 20, f"resident memory grew by {growth} bytes over {t.arguments.requests} requests"
    latency = result["latency_us"]
    return f"{result['per_second']:.0f}/s, p50 {latency['p50']:.0f} us, p99 {latency['p99']:.0f} us, memory {growth >> 10:+d} KiB"


def http_answer(client):
    """Status and body of what is on its way to this socket."""
    client.settimeout(20)
    with client.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        length = 0
        while (line := stream.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, stream.read(length)


def http_request(model, array, name="x"):
    """The bytes that tritonclient would send for one binary input."""
    body, header_length = triton.InferenceServerClient.generate_request_body([tensor(name, array, True)])
    head = (f"POST /v2/models/{model}/infer HTTP/1.1\r\nHost: localhost\r\nInference-Header-Content-Length: {header_length}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


@test
def a_port_in_use_is_said(t):
    run = subprocess.run([*t.server.process.args[:1], *(["serve"] if pathlib.Path(t.arguments.serve).name == "tercel" else []),
                          "--model-repository", t.repository, "--http-port", str(t.server.port)], capture_output=True, text=True, timeout=120)
    assert run.returncode == 1 and "another program has it" in run.stderr, run.stderr


@test
def logs_are_json_lines(t):
    lines = [json.loads(line) for line in t.server.log().splitlines()]
    assert any(line["msg"] == "listening" for line in lines), lines
    assert any(line["level"] == "error" and line.get("model") == "broken" for line in lines), lines
    short = [line for line in lines if "--queue-max" in line["msg"]]
    assert [(line["model"], line["wanted"], line["room"]) for line in short] == [("reduce", "100000", "16384")], short


@test
def terminating_answers_what_is_in_flight(t):
    """Last: ends the server."""
    x = np.ones((256, 512), np.float32)
    answers = []

    def ask():
        client = triton.InferenceServerClient(f"127.0.0.1:{t.server.port}")  # a client belongs to one thread
        answers.append(client.infer("deep", [tensor("h0", x, True)]).as_numpy("h60"))

    in_flight = False
    for _ in range(200):
        thread = threading.Thread(target=ask)
        thread.start()
        while thread.is_alive() and not in_flight:
            in_flight = 'tercel_inflight{model="deep",version="1"} 1\n' in t.get("metrics")[1]
        if in_flight:
            break
        thread.join()
    assert in_flight, "no request was seen in flight"
    status = t.server.stop(signal.SIGTERM)
    thread.join()
    assert status == 0 and all(np.allclose(answer, 1, rtol=1e-3) for answer in answers), (status, answers)
    assert "all requests are answered" in t.server.log(), t.server.log()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", required=True, help="the server under test: tercel-serve or tercel")
    parser.add_argument("--tercel", help="compiles the models (not needed when --serve is tercel)")
    parser.add_argument("--load", help="http_load, for the test with many connections")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--only", help="run tests whose name holds this")
    arguments = parser.parse_args()
    failed = []
    with tempfile.TemporaryDirectory(prefix="tercel-e2e-") as folder:
        repository = pathlib.Path(folder) / "models"
        make_models.make(repository, arguments.tercel)
        with Server(arguments.serve, repository) as server:
            setup = Setup(arguments, server, repository)
            chosen = [f for f in TESTS if not arguments.only or arguments.only in f.__name__]
            for function in chosen:
                try:
                    note = function(setup)
                    print(f"ok    {function.__name__}" + (f"  ({note})" if note else ""), flush=True)
                except Exception:
                    failed.append(function.__name__)
                    print(f"FAIL  {function.__name__}\n{traceback.format_exc()}", flush=True)
            if failed:
                print(server.log()[-3000:])
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
