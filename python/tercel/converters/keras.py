"""Keras: version 3 exports itself, whatever its backend; older models of TensorFlow go by tf2onnx."""
import pathlib
import tempfile

from tercel.converters import exporter
from tercel.errors import InvalidError


def convert(model, example_inputs=None, **options):
    if not type(model).__module__.startswith(("tf_keras", "tensorflow.")) and _major_version() >= 3:
        return _export(model, example_inputs, options)
    tf2onnx = exporter.require("tf2onnx", "tf2onnx", "Keras")
    with exporter.reporting("tf2onnx", model):
        return tf2onnx.convert.from_keras(model, **options)[0].SerializeToString()


def _major_version():
    return int(exporter.require("keras", "keras", "Keras").__version__.split(".")[0])


def _export(model, example_inputs, options):
    import keras

    if keras.backend.backend() == "tensorflow":
        exporter.require("tf2onnx", "tf2onnx", "Keras")
    elif keras.backend.backend() == "torch":
        exporter.require("onnxscript", "onnxscript", "Keras")
    with exporter.reporting("Keras", model), tempfile.TemporaryDirectory() as folder:
        inputs = exporter.as_tuple(example_inputs) if example_inputs is not None else _zeros(keras, model)
        model(inputs[0] if len(inputs) == 1 else list(inputs))  # Keras exports only what was called once
        path = pathlib.Path(folder) / "model.onnx"
        model.export(str(path), format="onnx", verbose=False, **options)
        return path.read_bytes()


def _zeros(keras, model):
    """An input of each declared shape; extents that vary are 1."""
    if not getattr(model, "inputs", None):
        raise InvalidError(f"this {type(model).__name__} does not declare its inputs: pass example_inputs")
    return [keras.ops.zeros([1 if extent is None else extent for extent in tensor.shape], tensor.dtype) for tensor in model.inputs]
