#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tensor/npy_internal.h"

namespace tercel {

namespace {

Error failed(const char* action, const std::string& path, int code) {
  const std::string message = std::string("cannot ") + action + " '" + path + "': " + std::strerror(code);
  return code == ENOENT ? not_found(message) : io_error(message);
}

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

Result<void> write_all(int descriptor, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), std::min<size_t>(bytes.size(), size_t{1} << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", path, errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Result<void> write_pieces(int descriptor, std::span<const std::span<const std::byte>> pieces, const std::string& path) {
  for (const auto& piece : pieces) TRY(write_all(descriptor, piece, path));
  if (fsync(descriptor) != 0) return failed("sync", path, errno);
  return {};
}

}  // namespace

Result<OwnedBytes> allocate_bytes(uint64_t size) {
  void* data = std::aligned_alloc(kTensorAlignment, align_up(size + 1, kTensorAlignment));
  if (!data) return Error(ErrorCode::kExhausted, "no memory for " + std::to_string(size) + " bytes");
  return OwnedBytes{{static_cast<std::byte*>(data), size}, std::shared_ptr<void>(data, std::free)};
}

Result<OwnedBytes> read_whole_file(const std::string& path) {
  // Non-blocking, so that a named pipe is refused below instead of waited for.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) return failed("open", path, errno);
  struct stat status;
  if (fstat(file.number, &status) != 0) return failed("examine", path, errno);
  if (!S_ISREG(status.st_mode)) return invalid("'" + path + "' is not a regular file");
  if (static_cast<uint64_t>(status.st_size) > kNpyBytesMax)
    return too_large("'" + path + "' has " + std::to_string(status.st_size) + " bytes, more than the limit of " +
                     std::to_string(kNpyBytesMax));
  OwnedBytes whole = TRY(allocate_bytes(static_cast<uint64_t>(status.st_size)));
  for (std::span<std::byte> rest = whole.bytes; !rest.empty();) {
    const ssize_t got = ::read(file.number, rest.data(), std::min<size_t>(rest.size(), size_t{1} << 30));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path, errno);
    if (got == 0) return invalid("'" + path + "' ended while it was read; is it still being written?");
    rest = rest.subspan(static_cast<size_t>(got));
  }
  return whole;
}

Result<void> write_file_aside(const std::string& path, std::span<const std::span<const std::byte>> pieces) {
  static std::atomic<unsigned> serial{0};
  const std::string aside = path + ".writing-" + std::to_string(getpid()) + "-" + std::to_string(serial++);
  const Descriptor file{::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
  if (file.number < 0) return failed("create", aside, errno);
  auto written = write_pieces(file.number, pieces, aside);
  if (written.ok() && rename(aside.c_str(), path.c_str()) != 0) written = failed("rename", aside, errno);
  if (!written.ok()) unlink(aside.c_str());
  return written;
}

Result<Tensor> read_npy(const std::string& path) {
  const OwnedBytes whole = TRY(read_whole_file(path));
  auto tensor = tensor_of_npy(whole.bytes, whole.owner);
  if (!tensor.ok()) return tensor.error().within("'" + path + "'");
  return tensor;
}

Result<void> write_npy(const std::string& path, const TensorType& type, const void* data) {
  TRY(checked_elements(type.shape));
  const std::string header = npy_header(type);
  const std::span<const std::byte> pieces[] = {std::as_bytes(std::span(header)),
                                               {static_cast<const std::byte*>(data), type.bytes()}};
  return write_file_aside(path, pieces);
}

Result<std::vector<NamedTensor>> read_npz(const std::string& path) {
  const OwnedBytes whole = TRY(read_whole_file(path));
  auto tensors = parse_npz(whole.bytes);
  if (!tensors.ok()) return tensors.error().within("'" + path + "'");
  return tensors;
}

}  // namespace tercel
