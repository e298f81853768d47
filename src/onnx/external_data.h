#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "onnx/parse.h"
#include "platform/mapped_file.h"

namespace tercel::onnx {

// Files beside a model that hold its weights. They are opened beneath the model's folder only: no "..", no absolute path,
// no symbolic link, no hard link (both could lead to files that the model's author cannot read), regular files only;
// mapped, not read. Each file is opened once.
class ExternalFiles {
 public:
  // An empty folder: every external tensor is refused.
  explicit ExternalFiles(std::string folder) : folder_(std::move(folder)) {}

  struct Range {
    std::string_view bytes;  // of the mapped file
    std::shared_ptr<const void> owner;
  };
  // The `bytes` bytes that `where` names, or why not.
  Result<Range> find(const ExternalData& where, size_t bytes);

 private:
  Result<std::shared_ptr<const platform::MappedFile>> open(const std::string& location);

  std::string folder_;
  std::unordered_map<std::string, std::shared_ptr<const platform::MappedFile>> files_;
};

}  // namespace tercel::onnx
