"""Starts a server binary on a free port, and ends it the way an operator does."""
import json
import os
import pathlib
import signal
import subprocess


class Server:
    """`program` is tercel-serve, or tercel (then its command `serve` is used)."""

    def __init__(self, program, repository, *arguments, cpus=None, environment=None, port=0):
        command = [str(program)] + (["serve"] if pathlib.Path(program).name == "tercel" else [])
        command += ["--model-repository", str(repository), "--http-port", str(port), "--json", "--log-format", "json", *map(str, arguments)]
        if cpus is not None:
            command = ["taskset", "-c", cpus, *command]
        self.log_file = open(pathlib.Path(repository).parent / "server.log", "w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log_file, text=True,
                                        env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise RuntimeError(f"the server did not start: exit {self.process.returncode}\n{self.log()[-2000:]}")
        self.port = json.loads(line)["port"]
        self.url = f"127.0.0.1:{self.port}"

    def log(self):
        self.log_file.seek(0)
        return self.log_file.read()

    def resident_bytes(self):
        """Of the server itself: taskset replaces itself by it."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * 4096

    def stop(self, sent=signal.SIGTERM, timeout=60):
        """The exit status after SIGTERM."""
        if self.process.poll() is None:
            self.process.send_signal(sent)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log_file.close()
