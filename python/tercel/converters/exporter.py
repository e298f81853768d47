"""Exporters are packages of others: what happens when one is absent or fails."""
import contextlib
import importlib

from tercel.errors import Error, UnsupportedError


def require(module, package, framework):
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UnsupportedError(f"converting a model of {framework} needs {package}: pip install {package}") from error


@contextlib.contextmanager
def reporting(exporter, model):
    """What the exporter raises, with the model's class and the exporter's name in front."""
    try:
        yield
    except Error:
        raise
    except Exception as error:
        raise UnsupportedError(f"{exporter} cannot convert this {type(model).__name__}: {error}") from error


def as_tuple(example_inputs):
    return tuple(example_inputs) if isinstance(example_inputs, (tuple, list)) else (example_inputs,)
