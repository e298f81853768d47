"""One engine's program (driver/driver.h), opened on one model, asleep until it is asked."""
import contextlib
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np


REST_SECONDS, RESTS_MAX, ASLEEP_SHARE = 0.02, 50, 0.02


class Refused(Exception):
    """The engine cannot open or run this; the message is the engine's own."""


class Worker:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.opened = self.answer()
        except Refused:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def answer(self):
        for line in self.process.stdout:
            if not line.startswith("{"):
                continue  # a library's own message
            answer = json.loads(line)
            if "error" in answer:
                raise Refused(answer["error"].strip())
            return answer
        raise Refused(f"{self.process.args[0]} ended with {self.process.wait()} and no answer")

    def ask(self, *words):
        try:
            print(*words, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # answer() says why
        return self.answer()

    def cpu_seconds(self):
        """What all its threads have computed so far."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
                total += int((task / "schedstat").read_text().split()[0])
        return total * 1e-9

    def rest(self):
        """Returns when its threads sleep: helpers that spin after a run must not spin into another engine's turn."""
        before = self.cpu_seconds()
        for _ in range(RESTS_MAX):
            time.sleep(REST_SECONDS)
            now = self.cpu_seconds()
            if now - before <= ASLEEP_SHARE * REST_SECONDS:
                return
            before = now

    def times(self):
        """The microseconds of every run of every slice so far."""
        with tempfile.TemporaryDirectory(prefix="tercel-peers-") as folder:
            path = pathlib.Path(folder) / "times"
            self.ask("times", path)
            return np.fromfile(path, np.float32)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
