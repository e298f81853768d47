"""`tercel load` against one server: the same generator for both, clients as TOML, its report as JSON."""
import json
import pathlib
import re
import subprocess


def client(name, model, deadline_ms=None, rate=None, connections=None, **more):
    """One [[client]]: open with a rate, else closed. `more` are keys of the file, such as parameters and shape."""
    made = {"name": name, "model": model, **({"arrivals": "poisson", "rate": rate} if rate else {"arrivals": "closed"}), **more}
    if deadline_ms:
        made["deadline"] = f"{deadline_ms:g}ms"
    if connections:
        made["connections"] = connections
    return made


def toml(clients):
    def text(value):
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{key} = {text(item)}" for key, item in value.items()) + " }"
        return json.dumps(value)  # of booleans, numbers and plain strings, TOML's spelling is JSON's
    return "\n".join("[[client]]\n" + "".join(f"{key} = {text(value)}\n" for key, value in each.items()) for each in clients)


def command(program, url, clients_file, seconds, warmup, timeout, seed, cpus):
    words = [program, "load", f"http://{url}", "--clients", clients_file, "--duration", f"{seconds:g}s", "--warmup", f"{warmup:g}s",
             "--timeout", f"{timeout:g}s", "--seed", seed, "--json"]
    return [*(["taskset", "-c", cpus] if cpus is not None else []), *map(str, words)]


def run(program, url, clients, folder, seconds, warmup, timeout, seed, cpus):
    """The report, its clients by name."""
    path = pathlib.Path(folder) / "clients.toml"
    path.write_text(toml(clients))
    done = subprocess.run(command(program, url, path, seconds, warmup, timeout, seed, cpus), capture_output=True, text=True)
    try:
        report = json.loads(done.stdout)  # also when a client got no answer at all, which makes it exit 1
    except json.JSONDecodeError:
        raise RuntimeError(f"tercel load: {done.stderr.strip() or done.stdout[-500:]}") from None
    report["clients"] = {each["name"]: each for each in report["clients"]}
    return report


def kind_of(warning):
    """A warning without its figures, so that those of many runs can be counted."""
    return re.sub(r"\b\d[\d.,]*( (?:ns|us|ms|s|%))?", "N", warning.split(": ", 1)[-1])


def shares(report):
    """What became of one client's requests, as shares of them."""
    requests, outcomes = max(report["requests"], 1), report["outcomes"]
    grouped = {"in_time": ["in_time"], "late": ["late", "timed_out"], "refused": ["refused"], "deadline": ["deadline_exceeded"]}
    known = {name for names in grouped.values() for name in names}
    grouped["failed"] = [name for name in outcomes if name not in known]
    return {key: sum(outcomes[name] for name in names) / requests for key, names in grouped.items()}


def quantiles(report, key="latency_us"):
    """p50 and p99 in milliseconds, None where too few requests tell."""
    return {q: None if report[key][q]["value"] is None else report[key][q]["value"] / 1e3 for q in ("p50", "p99")}
