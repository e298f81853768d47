"""A server of the Open Inference Protocol that misbehaves on request: what it does is chosen by the model's name.

It shares no code with Tercel's server, and keeps what it was asked, so that tests can look at both ends of a request.
"""
import collections
import json
import socket
import threading
import time

Request = collections.namedtuple("Request", "model head headers body arrived")

INPUTS = {
    "two_inputs": [{"name": "a", "datatype": "INT64", "shape": [2, -1]}, {"name": "flag", "datatype": "BOOL", "shape": [1]}],
    "text_input": [{"name": "t", "datatype": "BYTES", "shape": [1]}],
}
DEFAULT_INPUTS = [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]


def reply(status, body, *headers):
    lines = [f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def good_parts():
    body = json.dumps({"model_name": "m", "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}]}).encode()
    return body, b"\0" * 8


def good(*headers):
    head, tensors = good_parts()
    return reply(200, head + tensors, f"Inference-Header-Content-Length: {len(head)}", *headers)


def error(status, sentence):
    return reply(status, json.dumps({"error": sentence}).encode(), "Content-Type: application/json")


def chunked(*pieces):
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(p), p) for p in pieces)
    head, _ = good_parts()
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nInference-Header-Content-Length: %d\r\n\r\n" % len(head) + chunks + b"0\r\nTrailer: x\r\n\r\n"


class FakeServer:
    def __init__(self):
        self.requests = []
        self.lock = threading.Lock()
        self.gate = threading.Lock()  # held while the server "stalls": nothing is answered
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.sockets.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection, connection.makefile("rb") as stream:
                while request := self.read(stream):
                    if not self.answer(connection, request):
                        return
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.sockets.discard(connection)

    def read(self, stream):
        head = stream.readline().decode()
        arrived = time.monotonic()
        if not head:
            return None
        headers = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        model = head.split()[1].split("/")[3] if head.count("/") > 3 else ""
        impatient = model == "impatient" and head.startswith("POST")
        body = b"" if impatient else stream.read(int(headers.get("content-length", 0)))
        return Request(model, head.strip(), headers, body, arrived)

    def answer(self, connection, request):
        """True when the connection is to be kept."""
        if request.head.startswith("GET"):
            if request.model == "unknown":
                connection.sendall(error(404, "there is no model 'unknown'"))
            else:
                inputs = INPUTS.get(request.model, DEFAULT_INPUTS)
                connection.sendall(reply(200, json.dumps({"name": request.model, "inputs": inputs, "outputs": []}).encode()))
            return True
        with self.lock:
            number = len(self.requests)
            self.requests.append(request)
        with self.gate:
            pass
        return getattr(self, request.model, type(self).plain)(connection, number) is not False

    # What the models do.
    @staticmethod
    def plain(connection, number):
        connection.sendall(good())

    def mixed(self, connection, number):
        """A third of the requests each: an answer, a refusal, a deadline exceeded."""
        connection.sendall([good(), error(429, "the queue is full"), error(504, "the deadline has passed")][number % 3])

    def late(self, connection, number):
        time.sleep(0.06)
        connection.sendall(good())

    def closing(self, connection, number):
        connection.sendall(good("Connection: close"))
        return False

    def garbage(self, connection, number):
        connection.sendall(b"\x16\x03\x01 this is no HTTP at all\n\n\n")
        return False

    def not_an_answer(self, connection, number):
        connection.sendall(reply(200, b'{"hello": 1}'))

    def short_tensors(self, connection, number):
        head, _ = good_parts()
        connection.sendall(reply(200, head + b"\0" * 3, f"Inference-Header-Content-Length: {len(head)}"))

    def cut(self, connection, number):
        connection.sendall(good()[:-5])
        return False

    def silent(self, connection, number):
        time.sleep(30)
        return False

    def dripping(self, connection, number):
        for byte in good():
            connection.sendall(bytes([byte]))

    def chunks(self, connection, number):
        head, tensors = good_parts()
        connection.sendall(chunked(head[:7], head[7:] + tensors[:1], tensors[1:]))

    def interim(self, connection, number):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + good())

    def too_large(self, connection, number):
        connection.sendall(error(413, "too large"))

    def impatient(self, connection, number):
        """Its body is never read: the answer comes while the client still sends, and then the end of the connection."""
        connection.sendall(error(413, "too large"))
        return False

    def large_answer(self, connection, number):
        size = 3 << 20
        body = json.dumps({"outputs": [{"name": "y", "datatype": "UINT8", "shape": [size], "parameters": {"binary_data_size": size}}]}).encode()
        connection.sendall(reply(200, body + bytes(size), f"Inference-Header-Content-Length: {len(body)}"))

    def stall(self, seconds):
        """From now on nothing is answered, for so long."""
        with self.gate:
            time.sleep(seconds)

    def vanish(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # closing alone leaves it listening while a thread accepts
        self.listener.close()
        with self.lock:
            sockets = list(self.sockets)
        for connection in sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.listener.fileno() >= 0:
            self.vanish()
