#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

// Arrays on disk as numpy writes them: one tensor in a .npy file (format versions 1 to 3), named tensors in a .npz archive.
// Little-endian numbers and bool; Fortran order is converted; "<V2", as ml_dtypes stores it, is bfloat16. Errors name the
// field that is wrong; those of the path functions name the file too.
namespace tercel {

// Limits, checked before anything is allocated. Documented in docs/limits.md.
inline constexpr uint64_t kNpyBytesMax = uint64_t{1} << 36;  // of one file, and of one archive member once inflated
inline constexpr size_t kNpyHeaderBytesMax = 1 << 16;
inline constexpr size_t kNpzMembersMax = 1 << 16;
inline constexpr size_t kNpzNameBytesMax = 4096;

using NamedTensor = std::pair<std::string, Tensor>;

// Copies the tensor out of a .npy image.
Result<Tensor> parse_npy(std::span<const std::byte> image);
// Copies the tensors out of a .npz image (stored or deflated members), in archive order; names lose their ".npy".
Result<std::vector<NamedTensor>> parse_npz(std::span<const std::byte> image);

Result<Tensor> read_npy(const std::string& path);
Result<std::vector<NamedTensor>> read_npz(const std::string& path);

// Write aside in the same folder, sync, rename: a reader sees the old file or the whole new one. `data` is row-major.
Result<void> write_npy(const std::string& path, const TensorType& type, const void* data);

struct NpzMember {
  std::string name;  // without ".npy"
  TensorType type;
  const void* data = nullptr;
};
Result<void> write_npz(const std::string& path, std::span<const NpzMember> members);

// The .npy image of a tensor up to its data: magic, version, header, padded to a multiple of kTensorAlignment.
std::string npy_header(const TensorType& type);

}  // namespace tercel
