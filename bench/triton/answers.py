"""Whether both servers compute the same: one request of plain JSON to each."""
import json
import random
import urllib.request

ROWS_MAX = 2  # of a model that may be batched: what two rows give is looked at too


def ask(url, model, values, rows):
    document = {"inputs": [{"name": "x", "shape": [rows, model.floats], "datatype": "FP32", "data": values}]}
    request = urllib.request.Request(f"http://{url}/v2/models/{model.name}/infer", json.dumps(document).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        output = json.load(answer)["outputs"][0]
    return output["name"], output["datatype"], output["shape"], output["data"]


def compare(model, *urls):
    """Raises when the answers differ."""
    rows = min(model.batch, ROWS_MAX)
    source = random.Random(7)
    values = [source.randrange(-128, 128) / 64 for _ in range(rows * model.floats)]  # exact in every spelling
    told = [ask(url, model, values, rows) for url in urls]
    if any(other != told[0] for other in told[1:]):
        raise RuntimeError(f"the servers answer differently to the same request for {model.name}")
    wanted = model.floats_out or model.floats
    if told[0][2:] != ([rows, wanted], [values[r * model.floats + i] for r in range(rows) for i in range(wanted)]):
        raise RuntimeError(f"{model.name} is not what it should be")
