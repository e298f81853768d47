"""Which CPUs the servers and the generator have."""
import dataclasses
import os


@dataclasses.dataclass(frozen=True)
class Placement:
    """CPU lists as taskset takes them; None: the kernel chooses."""
    server: str
    load: str
    tercel: tuple = ()  # further options of Tercel's: how it shares out its CPUs


def apart(first, second):
    """The server on one CPU, the generator on the other."""
    return Placement(first, second)


def split(first, second):
    """Computing on one CPU, input, output and generator on the other. Triton cannot be told so much: it may use both."""
    return Placement(f"{first},{second}", second, ("--compute-cpus", first, "--http-cpus", second))


def shared(first, second):
    """Both for all."""
    return Placement(f"{first},{second}", f"{first},{second}")


KINDS = {"apart": apart, "split": split, "shared": shared}


def parse(text):
    """server=0,load=1; a list of CPUs in taskset's words may hold commas, so the keys divide it. Or the name of a kind."""
    if text in KINDS:
        return usual(text)
    server, divider, load = text.partition(",load=")
    if not server.startswith("server=") or not divider or not server[7:] or not load:
        raise ValueError(f"write {', '.join(KINDS)}, or server=CPUS,load=CPUS, such as server=0,load=1 or server=0-1,load=0-1")
    return Placement(server[7:], load)


def usual(kind):
    """Of a kind, on the first two CPUs that this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    return KINDS[kind](str(usable[0]), str(usable[1])) if len(usable) > 1 else Placement(None, None)
