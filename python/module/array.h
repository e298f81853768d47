#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <string>

#include "tensor/tensor.h"

namespace tercel::python {

enum class Access : bool { kRead, kWrite };

// Memory that a Python object owns, as one dense tensor. Keeps the object and its export alive.
struct Array {
  TensorType type;
  void* data = nullptr;  // only read when it was made for reading
  nanobind::ndarray<nanobind::ro> owner;
};

// The memory of `object`: a NumPy array, or anything that exports DLPack or a buffer. Nothing is copied or cast: raises
// InvalidError unless it lies in CPU memory as dense, row-major, aligned elements of type `wanted`, and may be written when
// `access` says so. `what` names it in errors ("input 'x'"). Needs the GIL.
Array array_of(nanobind::handle object, const std::string& what, DType wanted, Access access);

// A new NumPy array of a static type, with undefined contents; `aligned`: to kTensorAlignment.
nanobind::object new_array(const TensorType& type, bool aligned);

}  // namespace tercel::python
