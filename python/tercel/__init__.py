"""Deadline-first deployment of ONNX models: compile a model to a plan that is tuned for this machine, and run it.

    plan = tercel.compile("model.onnx", profile="x=1..8x784")
    with tercel.Session(plan) as session:
        answers = session.run({"x": x})              # new arrays
        bound = session.bind({"x": x})               # the same memory again and again
        bound.run()
"""
from tercel._tercel import Bound, Plan, __version__
from tercel.compiling import compile
from tercel.converters import convert
from tercel.errors import (CancelledError, DeadlineError, Error, ExhaustedError, InternalError, InvalidError, IoError,
                           LimitError, NotFoundError, UnavailableError, UnsupportedError)
from tercel.operators import load_operators
from tercel.session import Session
from tercel.types import Step, TensorInfo

__all__ = ["Bound", "CancelledError", "DeadlineError", "Error", "ExhaustedError", "InternalError", "InvalidError", "IoError",
           "LimitError", "NotFoundError", "Plan", "Session", "Step", "TensorInfo", "UnavailableError", "UnsupportedError", "__version__",
           "compile", "convert", "load_operators"]
