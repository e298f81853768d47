"""tercel.convert: a model of a training framework in, the bytes of an ONNX file out.

A framework is recognised by the modules that a model's classes come from: nothing is imported that the caller has not.
"""
import importlib
from typing import Any

from tercel.errors import InvalidError

# Module prefix of a class -> the converter. In this order: XGBoost's and LightGBM's classes derive from scikit-learn's, and
# Keras' from PyTorch's when that is its backend.
CONVERTERS = (("xgboost", "xgboost"), ("lightgbm", "lightgbm"), ("sklearn", "scikit_learn"), ("keras", "keras"),
              ("tf_keras", "keras"), ("tensorflow.python.keras", "keras"), ("torch", "pytorch"))


def converter_of(model: Any) -> Any:
    modules = [t.__module__ for t in type(model).__mro__]
    for prefix, name in CONVERTERS:
        if any(m == prefix or m.startswith(prefix + ".") for m in modules):
            return importlib.import_module(f"tercel.converters.{name}")
    return None


def convert(model: Any, example_inputs: Any = None, **options: Any) -> bytes:
    """The bytes of an ONNX file that computes what `model` does.

    model           a torch.nn.Module, a Keras model, a scikit-learn estimator or pipeline, or a model of XGBoost or LightGBM
    example_inputs  an array, or a tuple or list of them, with the inputs' element types and ranks. Needed for PyTorch;
                    else the model says: scikit-learn, XGBoost and LightGBM models take one float32 "x" of all features
    options         of the framework's own exporter, passed on

    The leading extent of every input is the batch and may vary. Raises UnsupportedError where the exporter is not installed
    (with the package to install) or does not know the model; InvalidError for an object that is no model.
    """
    converter = converter_of(model)
    if converter is None:
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise InvalidError(f"a {kind} is no model that Tercel knows: pass a path, the bytes of an ONNX file, an "
                           "onnx.ModelProto, or a model of PyTorch, Keras, scikit-learn, XGBoost or LightGBM")
    return bytes(converter.convert(model, example_inputs, **options))
