"""The plain records that plans and sessions answer with."""
from typing import NamedTuple


class TensorInfo(NamedTuple):
    """An input or output of a model."""

    name: str
    dtype: str  # as NumPy and ml_dtypes spell it
    shape: tuple[int | str | None, ...]  # an extent that varies: its symbol, or None where it has none


class Step(NamedTuple):
    """One kernel call of a run."""

    node: str
    op: str
    tactic: str  # the way it is computed
    flops: float  # of one run: operations
    bytes: float  # of one run: inputs, weights and outputs
