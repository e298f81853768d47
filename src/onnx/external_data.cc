#include "onnx/external_data.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "graph/text.h"
#include "onnx/limits.h"

namespace tercel::onnx {

namespace {

constexpr size_t kLocationBytesMax = 4096;  // PATH_MAX

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string quoted(std::string_view location) { return "external data file '" + graph::printable(location) + "'"; }

Result<void> check_location(std::string_view location) {
  if (location.empty()) return invalid("the tensor is stored outside the model but names no file");
  if (location.size() > kLocationBytesMax || location.find('\0') != std::string_view::npos || location.front() == '/')
    return invalid(quoted(location) + ": the name must be a relative path beneath the model's folder");
  for (size_t start = 0; start <= location.size();) {
    const size_t end = std::min(location.find('/', start), location.size());
    if (location.substr(start, end - start) == "..")
      return invalid(quoted(location) + " may not lead out of the model's folder with '..'; place it beside the model");
    start = end + 1;
  }
  return {};
}

// For kernels and sandboxes without openat2: every component by itself, none of them a symbolic link.
int open_by_component(int folder, const std::string& location) {
  Descriptor at(::dup(folder));
  size_t start = 0;
  while (at.get() >= 0) {
    const size_t end = location.find('/', start);
    const std::string part = location.substr(start, end == std::string::npos ? end : end - start);
    const bool last = end == std::string::npos;
    if (!part.empty() && part != ".") {
      const int flags = O_CLOEXEC | O_NOFOLLOW | (last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY);
      at = Descriptor(::openat(at.get(), part.c_str(), flags));
    }
    if (last) break;
    start = end + 1;
  }
  return at.release();
}

int open_beneath(int folder, const std::string& location) {
  struct open_how how {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, folder, location.c_str(), &how, sizeof how);
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(fd);
  return open_by_component(folder, location);
}

Error refusal(const std::string& location, int code) {
  if (code == ELOOP) return invalid(quoted(location) + " is reached through a symbolic link; replace the link by the file");
  if (code == EXDEV) return invalid(quoted(location) + " leads out of the model's folder; place it beside the model");
  const std::string message = quoted(location) + " cannot be opened: " + std::strerror(code);
  return code == ENOENT ? not_found(message + "; copy it beside the model") : io_error(message);
}

Result<uint64_t> number(std::string_view text, const char* what, uint64_t otherwise) {
  if (text.empty()) return otherwise;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return invalid(std::string("the ") + what + " '" + graph::printable(text) + "' of its external data is not a number");
  return value;
}

}  // namespace

Result<std::shared_ptr<const platform::MappedFile>> ExternalFiles::open(const std::string& location) {
  const Descriptor folder(::open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return io_error("the model's folder cannot be opened: " + std::string(std::strerror(errno)));
  Descriptor file(open_beneath(folder.get(), location));
  if (file.get() < 0) return refusal(location, errno);
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return refusal(location, errno);
  if (!S_ISREG(status.st_mode)) return invalid(quoted(location) + " is not a regular file");
  if (status.st_nlink > 1) return invalid(quoted(location) + " has several hard links; replace it by a copy of its own");
  return platform::MappedFile::of_descriptor(file.release(), graph::printable(location), kModelBytesMax);
}

Result<ExternalFiles::Range> ExternalFiles::find(const ExternalData& where, size_t bytes) {
  TRY(check_location(where.location));
  if (folder_.empty()) return invalid(quoted(where.location) + " cannot be read: the model was not opened from a folder");
  const std::string location(where.location);
  auto found = files_.find(location);
  if (found == files_.end()) {
    if (files_.size() == kExternalFilesMax)
      return too_large("the model has more than " + std::to_string(kExternalFilesMax) + " external data files");
    found = files_.emplace(location, TRY(open(location))).first;
  }
  const auto image = found->second->bytes();
  const uint64_t offset = TRY(number(where.offset, "offset", 0));
  const uint64_t length = TRY(number(where.length, "length", bytes));
  if (length != bytes)
    return invalid("its shape needs " + std::to_string(bytes) + " bytes, its external data has a length of " +
                   std::to_string(length));
  if (offset > image.size() || length > image.size() - offset)
    return invalid(quoted(location) + " has " + std::to_string(image.size()) + " bytes; the tensor needs " +
                   std::to_string(length) + " bytes from offset " + std::to_string(offset) + " on (was the file cut short?)");
  return Range{{reinterpret_cast<const char*>(image.data()) + offset, bytes}, found->second};
}

}  // namespace tercel::onnx
