"""New NumPy arrays for outputs, of every element type that a plan can have."""
import functools
import math

import numpy

from tercel.errors import UnsupportedError

ALIGNMENT = 64  # kTensorAlignment of tensor/tensor.h


@functools.cache
def dtype_of(name):
    if name != "bfloat16":
        return numpy.dtype(name)
    try:
        import ml_dtypes
    except ImportError:
        raise UnsupportedError("NumPy has no bfloat16 of its own: pip install ml_dtypes, or pass outputs that export DLPack "
                               "(torch.empty(shape, dtype=torch.bfloat16))") from None
    return numpy.dtype(ml_dtypes.bfloat16)


def empty(name, shape):
    return numpy.empty(shape, dtype_of(name))


def aligned_empty(name, shape):
    dtype = dtype_of(name)
    size = math.prod(shape) * dtype.itemsize
    memory = numpy.empty(size + ALIGNMENT, numpy.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start:start + size].view(dtype).reshape(shape)
