// Writes .npz archives: stored members, every size also in 64 bits.
#include <zlib.h>

#include <algorithm>

#include "tensor/npy_internal.h"
#include "tensor/zip_format.h"

namespace tercel {

namespace {

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

uint32_t low_half(uint64_t value) { return value >= UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(value); }

// One member while it is written; both headers describe it.
struct Written {
  std::string name, header;
  uint64_t bytes = 0, offset = 0;
  uint32_t crc = 0;
};

// The fields that local and central headers share, from "version needed" on, with sizes always also in 64 bits: `offset` too
// in the central one.
void put_common(std::string& out, const Written& w, bool central) {
  put(out, kZipVersion64);
  put<uint16_t>(out, 1 << 11);  // names are UTF-8
  put<uint16_t>(out, 0);        // stored
  put<uint16_t>(out, 0);        // time
  put<uint16_t>(out, 0x21);     // date: 1980-01-01, so that equal tensors give equal files
  put<uint32_t>(out, w.crc);
  put<uint32_t>(out, UINT32_MAX);
  put<uint32_t>(out, UINT32_MAX);
  put<uint16_t>(out, static_cast<uint16_t>(w.name.size()));
  put<uint16_t>(out, central ? 28 : 20);
}

void put_extra64(std::string& out, const Written& w, bool central) {
  put(out, kZipExtra64);
  put<uint16_t>(out, central ? 24 : 16);
  put<uint64_t>(out, w.bytes);
  put<uint64_t>(out, w.bytes);
  if (central) put<uint64_t>(out, w.offset);
}

std::string local_header(const Written& w) {
  std::string out;
  put(out, kZipLocalSignature);
  put_common(out, w, false);
  out += w.name;
  put_extra64(out, w, false);
  return out;
}

std::string directory_of(std::span<const Written> members, uint64_t start) {
  std::string out;
  for (const Written& w : members) {
    put(out, kZipCentralSignature);
    put(out, kZipVersion64);
    put_common(out, w, true);
    out.append(10, '\0');  // comment length, disk, attributes
    put<uint32_t>(out, UINT32_MAX);
    out += w.name;
    put_extra64(out, w, true);
  }
  const uint64_t bytes = out.size(), end64 = start + bytes;
  put(out, kZipEnd64Signature);
  put<uint64_t>(out, kZipEnd64Bytes - 12);
  put(out, kZipVersion64);
  put(out, kZipVersion64);
  put<uint64_t>(out, 0);  // disks
  put<uint64_t>(out, members.size());
  put<uint64_t>(out, members.size());
  put<uint64_t>(out, bytes);
  put<uint64_t>(out, start);
  put(out, kZipLocator64Signature);
  put<uint32_t>(out, 0);
  put<uint64_t>(out, end64);
  put<uint32_t>(out, 1);
  put(out, kZipEndSignature);
  put<uint32_t>(out, 0);
  put<uint16_t>(out, static_cast<uint16_t>(std::min<size_t>(members.size(), UINT16_MAX)));
  put<uint16_t>(out, static_cast<uint16_t>(std::min<size_t>(members.size(), UINT16_MAX)));
  put<uint32_t>(out, low_half(bytes));
  put<uint32_t>(out, low_half(start));
  put<uint16_t>(out, 0);
  return out;
}

}  // namespace

Result<void> write_npz(const std::string& path, std::span<const NpzMember> members) {
  if (members.size() > kNpzMembersMax) return too_large("a npz archive of " + std::to_string(members.size()) + " members");
  std::vector<Written> written;
  uint64_t offset = 0;
  for (const NpzMember& member : members) {
    TRY(checked_elements(member.type.shape));
    if (member.name.size() + 4 > kNpzNameBytesMax)
      return too_large("the name '" + member.name.substr(0, 40) + "...' is too long for a npz archive");
    Written w{member.name + ".npy", npy_header(member.type)};
    w.bytes = w.header.size() + member.type.bytes();
    w.offset = offset;
    w.crc = static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(w.header.data()), w.header.size()));
    if (member.type.bytes())
      w.crc = static_cast<uint32_t>(crc32_z(w.crc, static_cast<const Bytef*>(member.data), member.type.bytes()));
    written.push_back(std::move(w));
    offset += local_header(written.back()).size() + written.back().bytes;
  }
  std::vector<std::string> heads;
  for (const Written& w : written) heads.push_back(local_header(w) + w.header);
  heads.push_back(directory_of(written, offset));
  std::vector<std::span<const std::byte>> pieces;
  for (size_t i = 0; i < members.size(); ++i) {
    pieces.push_back(std::as_bytes(std::span(heads[i])));
    pieces.push_back({static_cast<const std::byte*>(members[i].data), members[i].type.bytes()});
  }
  pieces.push_back(std::as_bytes(std::span(heads.back())));
  return write_file_aside(path, pieces);
}

}  // namespace tercel
