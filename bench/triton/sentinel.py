"""Real-time threads that tell when the machine itself was away (sentinel.cc), beside a run."""
import json
import os
import subprocess


class Watch:
    """A context; afterwards `gaps` holds (from, to) in Unix seconds, of all CPUs together."""

    def __init__(self, program):
        self.program, self.gaps = program, []

    def __enter__(self):
        cpus = sorted(os.sched_getaffinity(0))[:2]
        self.running = [subprocess.Popen([self.program, str(cpu)], stdout=subprocess.PIPE, text=True) for cpu in cpus]
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.terminate()
        for process in self.running:
            told = json.loads(process.communicate()[0])
            self.gaps += [(begin / 1e9, end / 1e9) for begin, end in told["gaps"]]


def excused(flights, model, gaps):
    """How many of the missed requests of a model were under way in a gap. A flight's end is known to a millisecond."""
    def away(flight):
        end = flight["finished_ms"] / 1e3 + 1e-3
        begin = end - flight["total_ms"] / 1e3 - 2e-3
        return any(begin < to and since < end for since, to in gaps)
    return sum(flight["model"] == model and away(flight) for flight in flights)
