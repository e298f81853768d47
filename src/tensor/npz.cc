// Reads the zip archives that .npz files are: stored and deflated members, 64-bit sizes; no encryption, no spanning.
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>

#include "tensor/npy_internal.h"
#include "tensor/zip_format.h"

namespace tercel {

namespace {

// Deflate cannot do better than this; a member that claims more is refused before memory is asked for.
constexpr uint64_t kInflateRatioMax = 1032;

// Little-endian fields of an image; reads past its end give nothing.
class Image {
 public:
  explicit Image(std::span<const std::byte> bytes) : bytes_(bytes) {}
  size_t size() const { return bytes_.size(); }
  bool holds(uint64_t offset, uint64_t length) const { return offset <= bytes_.size() && length <= bytes_.size() - offset; }
  std::span<const std::byte> part(uint64_t offset, uint64_t length) const { return bytes_.subspan(offset, length); }
  std::string_view text(uint64_t offset, uint64_t length) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + offset, length};
  }
  // The caller has checked holds().
  template <typename T>
  T at(uint64_t offset) const {
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
};

struct Directory {
  uint64_t offset = 0, members = 0;
};

struct Member {
  std::string name;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t packed_bytes = 0, bytes = 0, local_offset = 0;
};

Result<Directory> find_directory(const Image& image) {
  const size_t lowest = image.size() > kZipEndBytes + kZipCommentBytesMax ? image.size() - kZipEndBytes - kZipCommentBytesMax : 0;
  for (size_t at = image.size() < kZipEndBytes ? 0 : image.size() - kZipEndBytes + 1; at-- > lowest;) {
    if (!image.holds(at, kZipEndBytes) || image.at<uint32_t>(at) != kZipEndSignature) continue;
    if (at + kZipEndBytes + image.at<uint16_t>(at + 20) != image.size()) continue;
    Directory directory{image.at<uint32_t>(at + 16), image.at<uint16_t>(at + 10)};
    if (at >= kZipLocator64Bytes && image.at<uint32_t>(at - kZipLocator64Bytes) == kZipLocator64Signature) {
      const uint64_t end64 = image.at<uint64_t>(at - kZipLocator64Bytes + 8);
      if (!image.holds(end64, kZipEnd64Bytes) || image.at<uint32_t>(end64) != kZipEnd64Signature)
        return invalid("npz archive: its 64-bit end record is missing");
      directory = {image.at<uint64_t>(end64 + 48), image.at<uint64_t>(end64 + 32)};
    }
    if (directory.members > kNpzMembersMax)
      return too_large("npz archive: " + std::to_string(directory.members) + " members, more than " +
                       std::to_string(kNpzMembersMax));
    return directory;
  }
  return invalid("not a npz archive: it has no end-of-archive record (is it truncated?)");
}

// Fields that do not fit 32 bits lie in an extra record, in this order, and only those.
Result<void> read_extra64(const Image& image, uint64_t at, uint64_t length, Member& member) {
  const uint64_t end = at + length;
  while (end - at >= 4) {
    const uint16_t id = image.at<uint16_t>(at), size = image.at<uint16_t>(at + 2);
    at += 4;
    if (size > end - at) return invalid("npz member '" + member.name + "': its extra field is broken");
    if (id == kZipExtra64) {
      uint64_t next = at;
      for (uint64_t* field : {&member.bytes, &member.packed_bytes, &member.local_offset}) {
        if (*field != UINT32_MAX) continue;
        if (next + 8 > at + size) return invalid("npz member '" + member.name + "': its 64-bit sizes are missing");
        *field = image.at<uint64_t>(next);
        next += 8;
      }
      return {};
    }
    at += size;
  }
  return {};
}

// Reads the directory entry at `at` and moves past it.
Result<Member> read_member(const Image& image, uint64_t& at) {
  if (!image.holds(at, kZipCentralBytes) || image.at<uint32_t>(at) != kZipCentralSignature)
    return invalid("npz archive: its directory is broken");
  const uint16_t name_bytes = image.at<uint16_t>(at + 28), extra_bytes = image.at<uint16_t>(at + 30),
                 comment_bytes = image.at<uint16_t>(at + 32);
  const uint64_t total = kZipCentralBytes + uint64_t{name_bytes} + extra_bytes + comment_bytes;
  if (name_bytes > kNpzNameBytesMax || !image.holds(at, total)) return invalid("npz archive: its directory is broken");
  Member member{std::string(image.text(at + kZipCentralBytes, name_bytes)),
                image.at<uint16_t>(at + 10),
                image.at<uint32_t>(at + 16),
                image.at<uint32_t>(at + 20),
                image.at<uint32_t>(at + 24),
                image.at<uint32_t>(at + 42)};
  TRY(read_extra64(image, at + kZipCentralBytes + name_bytes, extra_bytes, member));
  const std::string where = "npz member '" + member.name + "'";
  if (image.at<uint16_t>(at + 8) & 1) return unsupported(where + ": it is encrypted");
  if (member.method != 0 && member.method != Z_DEFLATED)
    return unsupported(where + ": compression method " + std::to_string(member.method) + "; known are stored and deflated");
  if (member.bytes > kNpyBytesMax)
    return too_large(where + ": " + std::to_string(member.bytes) + " bytes, more than " + std::to_string(kNpyBytesMax));
  at += total;
  return member;
}

Result<void> inflate_into(std::span<const std::byte> packed, std::span<std::byte> out) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return Error(ErrorCode::kExhausted, "no memory to inflate");
  int status = Z_OK;
  // zlib counts in 32 bits: feed it in pieces.
  while (status == Z_OK) {
    const auto in_piece = static_cast<uInt>(std::min<size_t>(packed.size(), 1u << 30));
    const auto out_piece = static_cast<uInt>(std::min<size_t>(out.size(), 1u << 30));
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
    stream.avail_in = in_piece;
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = out_piece;
    status = inflate(&stream, Z_NO_FLUSH);
    const size_t read = in_piece - stream.avail_in, written = out_piece - stream.avail_out;
    if (status == Z_OK && read == 0 && written == 0) break;
    packed = packed.subspan(read);
    out = out.subspan(written);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || !out.empty()) return invalid("its deflated data is broken");
  return {};
}

Result<OwnedBytes> unpack(const Image& image, const Member& member) {
  if (!image.holds(member.local_offset, kZipLocalBytes) || image.at<uint32_t>(member.local_offset) != kZipLocalSignature)
    return invalid("its local header is missing");
  // Sizes come from the directory: local headers may leave them to a later record.
  const uint64_t start = member.local_offset + kZipLocalBytes + image.at<uint16_t>(member.local_offset + 26) +
                         image.at<uint16_t>(member.local_offset + 28);
  if (!image.holds(start, member.packed_bytes)) return invalid("its data reaches past the end of the archive");
  const std::span<const std::byte> packed = image.part(start, member.packed_bytes);
  if (member.method == 0 && member.bytes != packed.size()) return invalid("it is stored, but its two sizes differ");
  if (member.bytes / kInflateRatioMax > packed.size()) return invalid("it claims to inflate more than deflate can");
  OwnedBytes out = TRY(allocate_bytes(member.bytes));
  if (member.method == Z_DEFLATED) TRY(inflate_into(packed, out.bytes));
  else if (!packed.empty()) std::memcpy(out.bytes.data(), packed.data(), packed.size());
  if (crc32_z(0, reinterpret_cast<const Bytef*>(out.bytes.data()), out.bytes.size()) != member.crc)
    return invalid("its checksum is wrong");
  return out;
}

Result<Tensor> read_tensor(const Image& image, const Member& member) {
  const OwnedBytes bytes = TRY(unpack(image, member));
  return tensor_of_npy(bytes.bytes, bytes.owner);
}

}  // namespace

Result<std::vector<NamedTensor>> parse_npz(std::span<const std::byte> bytes) {
  const Image image(bytes);
  const Directory directory = TRY(find_directory(image));
  std::vector<NamedTensor> tensors;
  std::set<std::string> names;
  uint64_t at = directory.offset, inflated_bytes = 0;
  for (uint64_t i = 0; i < directory.members; ++i) {
    const Member member = TRY(read_member(image, at));
    // Members may share their packed bytes, so each within its limits is not enough.
    inflated_bytes += member.bytes;
    if (inflated_bytes > kNpyBytesMax)
      return too_large("npz archive: more than " + std::to_string(kNpyBytesMax) + " bytes once inflated");
    if (inflated_bytes / kInflateRatioMax > image.size())
      return invalid("npz archive: it claims to inflate more than deflate can");
    auto tensor = read_tensor(image, member);
    if (!tensor.ok()) return tensor.error().within("npz member '" + member.name + "'");
    std::string name = member.name;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    if (!names.insert(name).second) return invalid("npz member '" + member.name + "' is there twice");
    tensors.emplace_back(std::move(name), tensor.take());
  }
  return tensors;
}

}  // namespace tercel
