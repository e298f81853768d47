#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace tercel::platform {

// A regular file mapped read-only. Pages come and go with the page cache and are shared between processes. Files must be
// replaced by rename, never written in place: a file that shrinks under a mapping makes its readers fault.
class MappedFile {
 public:
  // Refuses what is not a regular file, and files over `bytes_max`. An empty file maps to no bytes.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path, uint64_t bytes_max);
  // The same for an open descriptor, which this takes over; `name` is for messages.
  static Result<std::shared_ptr<const MappedFile>> of_descriptor(int descriptor, const std::string& name, uint64_t bytes_max);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // Copies part of the file through the page cache without making it resident in this process.
  Result<void> read(uint64_t offset, std::span<std::byte> out) const;

 private:
  MappedFile(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}

  int descriptor_;
  std::string name_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tercel::platform
