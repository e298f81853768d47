"""tercel.Session: an instance of a plan that answers requests."""
from __future__ import annotations

from typing import Any

from tercel import _tercel
from tercel.compiling import compile
from tercel.model import source_of


def plan_of(model: Any) -> _tercel.Plan:
    if isinstance(model, _tercel.Plan):
        return model
    source = source_of(model)
    if isinstance(source, str) and _tercel.is_plan_file(source):
        return _tercel.Plan.open(source)
    # As `tercel run model.onnx` does: an answer is wanted now, and tuning would take longer than it saves.
    return compile(source, tune=False)


class Session(_tercel.Session):
    """One instance of a plan: its memory, its threads, its bound shapes. For one thread at a time; a second call while one
    is under way raises InvalidError. Sessions of the same tercel.Plan share its weights.

    model             a tercel.Plan, the path of a plan, or any model that tercel.compile() takes (then it is not tuned)
    threads           of one request, the caller's included; 0: what affinity and cgroup allow
    memory_bytes_max  for intermediate values and bound shapes together; binding past it raises LimitError
    check_numerics    raise when a step makes NaN or infinity out of finite values
    lock_memory       keep what runs read and write in memory (mlock): intermediate values, weights, the stacks of helper
                      threads. Opening and binding raise ExhaustedError where RLIMIT_MEMLOCK is too small
    """

    def __init__(self, model: Any, *, threads: int = 0, memory_bytes_max: int = 16 << 30, check_numerics: bool = False,
                 lock_memory: bool = False) -> None:
        super().__init__(plan_of(model), threads, memory_bytes_max, check_numerics, lock_memory)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
