#include "plan/file_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tercel::plan {

namespace {

constexpr size_t kBufferBytes = 1 << 20;

Error failed(const char* action, const std::string& name, int code) {
  return io_error(std::string("cannot ") + action + " '" + name + "': " + std::strerror(code));
}

}  // namespace

FileWriter::FileWriter(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {
  buffer_.reserve(kBufferBytes);
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FileWriter::write_all(std::span<const std::byte> bytes) {
  written_ += bytes.size();
  while (!failure_ && !bytes.empty()) {
    const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) failure_ = errno;
    else bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

void FileWriter::append(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() <= kBufferBytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return;
  }
  write_all(buffer_);
  buffer_.clear();
  if (bytes.size() >= kBufferBytes) write_all(bytes);
  else buffer_.assign(bytes.begin(), bytes.end());
}

void FileWriter::pad_to(uint64_t target) {
  static constexpr std::byte kZeros[4096] = {};
  check(target >= position(), "padding goes backwards");
  while (position() < target) append(std::span(kZeros).first(std::min<uint64_t>(sizeof kZeros, target - position())));
}

Result<void> FileWriter::flush() {
  write_all(buffer_);
  buffer_.clear();
  if (failure_) return failed("write", name_, failure_);
  return {};
}

Result<void> FileWriter::overwrite(uint64_t position, std::span<const std::byte> bytes) {
  const ssize_t n = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(position));
  if (n < 0) return failed("write", name_, errno);
  if (static_cast<size_t>(n) != bytes.size()) return failed("write", name_, ENOSPC);
  return {};
}

Result<void> FileWriter::sync() {
  if (fsync(descriptor_) != 0) return failed("sync", name_, errno);
  return {};
}

int FileWriter::release() { return std::exchange(descriptor_, -1); }

}  // namespace tercel::plan
