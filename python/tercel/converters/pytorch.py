"""PyTorch, by torch.onnx: its own exporter, and onnxscript where that asks for it."""
import io

from tercel.converters import exporter
from tercel.errors import InvalidError


def convert(model, example_inputs=None, *, input_names=None, output_names=None, dynamic_batch=True, **options):
    import torch

    if not isinstance(model, torch.nn.Module):
        raise InvalidError(f"a {type(model).__name__} of PyTorch is no torch.nn.Module: pass the module")
    if example_inputs is None:
        raise InvalidError("a model of PyTorch needs example_inputs: tensors or arrays that it can be called with")
    inputs = tuple(x if isinstance(x, torch.Tensor) else torch.as_tensor(x) for x in exporter.as_tuple(example_inputs))
    names = list(input_names) if input_names else _argument_names(model, len(inputs))
    if "dynamo" not in options:
        options["dynamo"] = True
    if options["dynamo"]:
        exporter.require("onnxscript", "onnxscript", "PyTorch")
    if dynamic_batch:
        options |= _dynamic_batch(torch, inputs, names, options["dynamo"])
    modes = [(module, module.training) for module in model.modules()]
    try:
        with exporter.reporting("torch.onnx", model):
            return _bytes_of(torch, model.eval(), inputs, names, output_names, options)
    finally:
        for module, training in modes:
            module.training = training


def _bytes_of(torch, model, inputs, names, output_names, options):
    with torch.no_grad():
        if options["dynamo"]:
            program = torch.onnx.export(model, inputs, input_names=names, output_names=output_names, verbose=False, **options)
            return program.model_proto.SerializeToString()
        file = io.BytesIO()
        torch.onnx.export(model, inputs, file, input_names=names, output_names=output_names, **options)
        return file.getvalue()


def _argument_names(model, count):
    import inspect

    parameters = [p.name for p in inspect.signature(model.forward).parameters.values()
                  if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return parameters[:count] if len(parameters) >= count else [f"input_{i}" for i in range(count)]


def _dynamic_batch(torch, inputs, names, dynamo):
    """The leading extent of each input as one symbol, in the words of either exporter."""
    if not dynamo:
        return {"dynamic_axes": {name: {0: "batch"} for name, x in zip(names, inputs) if x.dim() > 0}}
    batch = torch.export.Dim("batch")
    return {"dynamic_shapes": tuple({0: batch} if x.dim() > 0 else None for x in inputs)}
