"""tercel.compile: a model in, a plan out."""
from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tercel import _tercel
from tercel.errors import InvalidError
from tercel.model import source_of

Extent = int | tuple[int, int]
Profile = str | Iterable[str] | Mapping[str, str | Sequence[Extent]]


def compile(model: Any, plan: str | os.PathLike[str] | None = None, *, profile: Profile | None = None,
            buckets: Iterable[Profile] | None = None, threads: Iterable[int] = (), tune: bool = True,
            budget_seconds: float = 30.0, disabled_passes: Iterable[str] = ()) -> _tercel.Plan:
    """Turns a model into a plan that is tuned for this machine, as the command `tercel compile` does.

    model            a path, the bytes of an ONNX file, an onnx.ModelProto, or what tercel.convert() accepts
    plan             where to write the plan; None: it stays in memory
    profile          the shapes it accepts: "x=1..8x3x224x224", several separated by commas, or {"x": "1..8x3x224x224"}
                     or {"x": ((1, 8), 3, 224, 224)}
    buckets          points to tune at, a list of such profiles with fixed extents; None: the ends and powers of two
    threads          thread counts whose latency is measured; empty: 1 and all
    tune             False: time nothing, every step takes the first tactic that accepts it
    budget_seconds   for timing tactics
    disabled_passes  names of rewrites to leave out

    Returns a tercel.Plan. Raises a tercel.Error. Releases the GIL; cannot be interrupted.
    """
    return _tercel.compile(source_of(model), "" if plan is None else os.fsdecode(plan), profile=_profile_texts(profile),
                           buckets=[",".join(_profile_texts(bucket)) for bucket in buckets or ()], threads=list(threads),
                           tune=bool(tune), budget_seconds=float(budget_seconds), disabled_passes=list(disabled_passes))


def _profile_texts(profile: Profile | None) -> list[str]:
    if profile is None:
        return []
    if isinstance(profile, str):
        return [profile]
    if isinstance(profile, Mapping):
        return [f"{name}={_shape_text(name, shape)}" for name, shape in profile.items()]
    return list(profile)


def _shape_text(name: str, shape: str | Sequence[Extent]) -> str:
    return shape if isinstance(shape, str) else "x".join(_extent_text(name, extent) for extent in shape)


def _extent_text(name: str, extent: Extent) -> str:
    if isinstance(extent, (tuple, list)):
        if len(extent) != 2:
            raise InvalidError(f"profile of '{name}': {extent!r} is no range; write (low, high)")
        return f"{int(extent[0])}..{int(extent[1])}"
    return str(int(extent))
