#include "module/errors.h"

namespace tercel::python {

namespace {

const char* class_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return "InvalidError";
    case ErrorCode::kNotFound: return "NotFoundError";
    case ErrorCode::kUnsupported: return "UnsupportedError";
    case ErrorCode::kLimit: return "LimitError";
    case ErrorCode::kExhausted: return "ExhaustedError";
    case ErrorCode::kUnavailable: return "UnavailableError";
    case ErrorCode::kCancelled: return "CancelledError";
    case ErrorCode::kDeadline: return "DeadlineError";
    case ErrorCode::kIo: return "IoError";
    case ErrorCode::kNeedsValue:
    case ErrorCode::kInternal: return "InternalError";
  }
  __builtin_unreachable();
}

}  // namespace

void raise(const Error& error) {
  const nanobind::object type = nanobind::module_::import_("tercel.errors").attr(class_of(error.code()));
  PyErr_SetObject(type.ptr(), text(error.message()).ptr());
  throw nanobind::python_error();
}

nanobind::str text(std::string_view utf8) {
  PyObject* decoded = PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "replace");
  if (!decoded) throw nanobind::python_error();
  return nanobind::steal<nanobind::str>(decoded);
}

}  // namespace tercel::python
