#pragma once

#include <memory>
#include <string>

#include "onnx/limits.h"
#include "platform/mapped_file.h"

namespace tercel::onnx {

// The mapped model file, and the folder that its external data may lie in.
inline Result<std::shared_ptr<const platform::MappedFile>> open_model(const std::string& path) {
  return platform::MappedFile::open(path, kModelBytesMax);
}

inline std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace tercel::onnx
