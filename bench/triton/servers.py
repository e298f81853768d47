"""Both servers as processes on given CPUs, started when they are wanted and replaced when they do not come to rest."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/e2e"))
from server import Server  # noqa: E402

START_SECONDS = 60
REST_SECONDS = 3      # a server may take to finish what a run left behind
REST_SHARE = 0.05     # of a CPU that a server at rest may use


def cpu_seconds(pid):
    """Of a process since its start."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def get(url, path):
    return urllib.request.urlopen(f"http://{url}{path}", timeout=5).read()


class Tercel(Server):
    def __init__(self, program, repository, cpus, options=()):
        super().__init__(program, repository, "--test-operators", "--log-level", "warning", *options, cpus=cpus)
        self.pid, self.version = self.process.pid, ""

    def get(self, path):
        return get(self.url, path).decode()

    def debug_requests(self):
        return json.loads(self.get("/v2/debug/requests"))

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = [line for line in self.get("/metrics").splitlines() if line.startswith(name + "{") and all(label in line for label in wanted)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


class Triton:
    """The bundled binary alone: HTTP on a free port, no gRPC, no metrics (its sampling threads would cost something)."""

    def __init__(self, binary, repository, backends, cpus):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"127.0.0.1:{self.port}"
        self.log_path = pathlib.Path(repository).parent / "triton.log"
        command = [binary, "--model-repository", repository, "--backend-directory", backends, "--http-address", "127.0.0.1",
                   "--http-port", self.port, "--allow-grpc", "false", "--allow-metrics", "false", "--disable-auto-complete-config", "--exit-timeout-secs", "1"]
        if cpus is not None:
            command = ["taskset", "-c", cpus, *command]
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT)
        self.pid = self.process.pid
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        self.version = json.loads(get(self.url, "/v2"))["version"]

    def wait_until_ready(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                get(self.url, "/v2/health/ready")
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"Triton did not start: exit {self.process.poll()}\n{self.log_path.read_text()[-2000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def triton_binary(venv):
    found = sorted(pathlib.Path(venv).glob("lib/python3*/site-packages/pytriton/tritonserver/bin/tritonserver"))
    if not found:
        raise RuntimeError(f"no tritonserver in {venv}; run ./dev bench triton, or leave it out with --no-triton")
    return found[0]


def write_backend(library, backends):
    """backends/delay/libtriton_delay.so, as the server looks for it."""
    folder = pathlib.Path(backends) / "delay"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(library, folder / "libtriton_delay.so")


class Fleet:
    """The servers of a scenario by name. `makers` start them."""

    def __init__(self, makers):
        self.makers, self.running, self.restarts = makers, {}, 0

    def at_rest(self, name, fresh=False):
        """The server with nothing left to do; a fresh one when asked for, or when it still works off what the last run asked of it."""
        server = self.running.get(name)
        tired = server is not None and not fresh and not self.rests(server)
        if tired or (fresh and server is not None):
            server.__exit__()
            self.restarts += tired
            server = None
        if server is None:
            server = self.running[name] = self.makers[name]()
            self.rests(server)
        return server

    @staticmethod
    def rests(server):
        end = time.monotonic() + REST_SECONDS
        while server.process.poll() is None and time.monotonic() < end:
            before = cpu_seconds(server.pid)
            time.sleep(0.2)
            if server.process.poll() is None and cpu_seconds(server.pid) - before <= 0.2 * REST_SHARE:
                return True
        return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.running.values():
            server.__exit__()
