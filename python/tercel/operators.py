"""tercel.load_operators: operators of your own."""
from __future__ import annotations

import os

from tercel import _tercel


def load_operators(path: str | os.PathLike[str]) -> None:
    """Loads a shared library of custom operators (tercel/operator.h), for models that are compiled and plans that are run from now
    on. It stays for the life of the process; loading it again does nothing. Its code runs with the rights of this process.

    Raises a tercel.Error that names the file and what is wrong with it.
    """
    _tercel.load_operators(os.fsdecode(path))
