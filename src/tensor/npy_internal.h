#pragma once

#include "tensor/npy.h"

// Shared by npy.cc (format), npz.cc (archive) and npy_file.cc (files).
namespace tercel {

struct NpyHeader {
  TensorType type;
  bool fortran_order = false;
  size_t data_offset = 0;
};
Result<NpyHeader> parse_npy_header(std::span<const std::byte> image);

// The tensor of a .npy image: a view that shares `owner` where the bytes can be used as they lie, else a copy. A null owner
// always copies.
Result<Tensor> tensor_of_npy(std::span<const std::byte> image, std::shared_ptr<const void> owner);

// Bytes that own their memory, aligned to kTensorAlignment.
struct OwnedBytes {
  std::span<std::byte> bytes;
  std::shared_ptr<void> owner;
};
Result<OwnedBytes> allocate_bytes(uint64_t size);

// A whole regular file of at most kNpyBytesMax bytes.
Result<OwnedBytes> read_whole_file(const std::string& path);

// Writes the pieces one after another to a new file beside `path`, syncs it and renames it to `path`.
Result<void> write_file_aside(const std::string& path, std::span<const std::span<const std::byte>> pieces);

}  // namespace tercel
