#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace tercel::plan {

// Writes bytes to a descriptor in large pieces. Owns the descriptor; keeps the first failure and reports it in flush().
class FileWriter {
 public:
  FileWriter(int descriptor, std::string name);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void append(std::span<const std::byte> bytes);
  void pad_to(uint64_t position);  // with zeros; `position` is not behind
  uint64_t position() const { return written_ + buffer_.size(); }

  Result<void> flush();
  Result<void> overwrite(uint64_t position, std::span<const std::byte> bytes);  // after flush()
  Result<void> sync();
  int release();  // gives the descriptor away

 private:
  void write_all(std::span<const std::byte> bytes);

  int descriptor_;
  std::string name_;
  std::vector<std::byte> buffer_;
  uint64_t written_ = 0;
  int failure_ = 0;  // errno of the first failed write
};

}  // namespace tercel::plan
