"""What a caller may pass as a model, and how it becomes ONNX."""
import os
from typing import Any

from tercel.converters import convert


def is_model_proto(model: Any) -> bool:
    return any(t.__name__ == "ModelProto" and t.__module__.startswith("onnx") for t in type(model).__mro__)


def source_of(model: Any) -> str | bytes:
    """A path as str, or the bytes of an ONNX file; objects of training frameworks are converted."""
    if isinstance(model, (str, os.PathLike)):
        return os.fsdecode(model)
    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model)
    if is_model_proto(model):
        return bytes(model.SerializeToString())
    return convert(model)
