"""What the figures were taken on, and whether anything else ran meanwhile."""
import os
import time

BUSY_MAX, STEAL_MAX = 0.05, 0.01
SAMPLE_SECONDS = 1.0


def cpu_seconds():
    """(busy, stolen, all) of every CPU since boot, in clock ticks."""
    fields = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    user, nice, system, idle, iowait, irq, softirq, steal = fields
    return user + nice + system + irq + softirq, steal, sum(fields)


def share(before, after):
    """Busy and stolen shares of the time between two readings."""
    busy, steal, total = (b - a for a, b in zip(before, after))
    return {"busy": busy / max(total, 1), "steal": steal / max(total, 1)}


def idle_share():
    """How busy the machine is while this program only waits."""
    before = cpu_seconds()
    time.sleep(SAMPLE_SECONDS)
    return share(before, cpu_seconds())


def quiet(sample):
    return sample["busy"] <= BUSY_MAX and sample["steal"] <= STEAL_MAX


class Watch:
    """Of the whole measurement: quiet before and after, and the steal in between."""

    def __init__(self):
        self.before, self.start = idle_share(), cpu_seconds()

    def report(self):
        steal, after = share(self.start, cpu_seconds())["steal"], idle_share()
        return {"busy_before": self.before["busy"], "busy_after": after["busy"], "steal": steal, "load": os.getloadavg()[0],
                "quiet": quiet(self.before) and quiet(after) and steal <= STEAL_MAX}


def cpu_model():
    lines = (line.split(":", 1) for line in open("/proc/cpuinfo") if ":" in line)
    return next((value.strip() for key, value in lines if key.strip() == "model name"), "unknown")


def facts(versions, isa):
    return {"isa": isa, "cpu": cpu_model(), "cores": len(os.sched_getaffinity(0)), "versions": versions}
