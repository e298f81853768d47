"""The models of a scenario, the same for both servers: ONNX files with tercel.test.Spin compiled for Tercel, and config.pbtxt
for the delay backend of Triton."""
import dataclasses
import pathlib
import shutil
import subprocess


@dataclasses.dataclass(frozen=True)
class Model:
    """Rows of floats in, the first of them out, for a given CPU time: us x (1 + factor (n - 1)) for a batch of n rows."""
    name: str
    floats: int = 1       # of a row
    floats_out: int = 0   # the first so many of them; 0: the row
    us: float = 0         # CPU time of one row
    factor: float = 0.5   # what each further row adds, as a share
    steps: int = 1        # that Tercel divides `us` into: where it may let others by
    batch: int = 1        # rows that a server may put together
    policy: str = ""      # Triton's, inside dynamic_batching {}; None: no dynamic batching
    instances: int = 1    # of Triton's
    ladder: tuple = ()    # of Tercel's: (name, accuracy, us) of each variant, in place of us
    settings: str = ""    # further lines of Tercel's model.toml


def onnx_model(model):
    import onnx
    from onnx import helper, numpy_helper
    import numpy as np
    value = lambda name, floats: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", floats])  # noqa: E731
    nodes, constants, last = [], [], "x"
    for i in range(model.steps if model.us else 0):
        after = f"h{i}"
        nodes.append(helper.make_node("Spin", [last], [after], domain="tercel.test", us=float(model.us / model.steps), batch_factor=float(model.factor)))
        last = after
    if model.floats_out:
        bounds = {"starts": [0], "ends": [model.floats_out], "axes": [1]}
        constants = [numpy_helper.from_array(np.array(numbers, np.int64), name) for name, numbers in bounds.items()]
        nodes.append(helper.make_node("Slice", [last, *bounds], ["y"]))
    else:
        nodes[-1].output[0] = "y"
    graph = helper.make_graph(nodes, model.name, [value("x", model.floats)], [value("y", model.floats_out or model.floats)], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("tercel.test", 1)], ir_version=10)


def settings(model, batching):
    """Of model.toml. One thread: what is measured is not how a model is shared out."""
    return model.settings + f"[instances]\nthreads = 1\n[batching]\nmax = {model.batch if batching else 1}\n"


def write_tercel(repository, models, tercel, batching):
    import onnx
    repository = pathlib.Path(repository)
    for model in models:
        folder = repository / model.name / "1"
        (folder / "variants" if model.ladder else folder).mkdir(parents=True, exist_ok=True)
        plans = {folder / "model.plan": model}
        if model.ladder:
            plans = {folder / f"variants/{name}.plan": dataclasses.replace(model, us=us) for name, _, us in model.ladder}
            text = "".join(f'[[variant]]\nname = "{name}"\naccuracy = {accuracy}\n' for name, accuracy, _ in model.ladder)
            (folder / "ladder.toml").write_text(text)
        for plan, made in plans.items():
            source = folder / "source.onnx"
            onnx.save(onnx_model(made), source)
            subprocess.run([tercel, "compile", source, "--test-operators", "-o", plan, "--profile", f"x=1..{model.batch}x{model.floats}",
                            "--threads", "1", "--tune-budget", "1", "--quiet"], check=True)
            source.unlink()
        (repository / model.name / "model.toml").write_text(settings(model, batching))


def config(model):
    """Of config.pbtxt."""
    lines = ['backend: "delay"', f"max_batch_size: {model.batch}",
             f'input [{{ name: "x" data_type: TYPE_FP32 dims: [{model.floats}] }}]',
             f'output [{{ name: "y" data_type: TYPE_FP32 dims: [{model.floats_out or model.floats}] }}]',
             f"instance_group [{{ kind: KIND_CPU count: {model.instances} }}]"]
    if model.policy is not None and model.batch > 1:
        lines.append("dynamic_batching { " + model.policy + " }")
    for key, value in (("us", model.us), ("batch_factor", model.factor), ("floats_out", model.floats_out)):
        lines.append(f'parameters {{ key: "{key}" value: {{ string_value: "{value:g}" }} }}')
    return "\n".join(lines) + "\n"


def write_triton(repository, models):
    for model in models:
        folder = pathlib.Path(repository) / model.name
        (folder / "1").mkdir(parents=True, exist_ok=True)
        (folder / "config.pbtxt").write_text(config(model))
