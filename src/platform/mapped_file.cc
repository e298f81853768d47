#include "platform/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tercel::platform {

namespace {

Error failed(const char* action, const std::string& name) {
  const int code = errno;
  const std::string message = std::string("cannot ") + action + " '" + name + "': " + std::strerror(code);
  return code == ENOENT ? not_found(message) : io_error(message);
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path, uint64_t bytes_max) {
  // Non-blocking, so that a named pipe is refused below instead of waited for.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return failed("open", path);
  return of_descriptor(descriptor, path, bytes_max);
}

Result<std::shared_ptr<const MappedFile>> MappedFile::of_descriptor(int descriptor, const std::string& name, uint64_t bytes_max) {
  std::shared_ptr<MappedFile> file(new MappedFile(descriptor, name));
  struct stat status;
  if (fstat(descriptor, &status) != 0) return failed("examine", name);
  if (!S_ISREG(status.st_mode)) return invalid("'" + name + "' is not a regular file");
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size > bytes_max)
    return too_large("'" + name + "' has " + std::to_string(size) + " bytes, more than the limit of " +
                     std::to_string(bytes_max));
  if (size == 0) return std::shared_ptr<const MappedFile>(std::move(file));
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) return failed("map", name);
  file->data_ = static_cast<const std::byte*>(data);
  file->size_ = size;
  return std::shared_ptr<const MappedFile>(std::move(file));
}

MappedFile::~MappedFile() {
  if (data_) munmap(const_cast<std::byte*>(data_), size_);
  ::close(descriptor_);
}

Result<void> MappedFile::read(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", name_);
    if (got == 0) return invalid("'" + name_ + "' ended while it was read; was it replaced in place?");
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
  return {};
}

}  // namespace tercel::platform
