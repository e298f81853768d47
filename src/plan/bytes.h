#pragma once

#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tercel::plan {

static_assert(std::endian::native == std::endian::little, "plan files are little-endian and read in place");

// Longest string of a plan (names, reasons, notes).
inline constexpr uint32_t kStringBytesMax = 1u << 20;

// Appends little-endian scalars, length-prefixed strings and arrays to a growing buffer.
class ByteWriter {
 public:
  template <typename T>
  requires std::is_arithmetic_v<T>
  void put(T value) {
    const auto* p = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), p, p + sizeof value);
  }
  void put_count(size_t n) { put(static_cast<uint32_t>(n)); }
  void put_string(std::string_view text) {
    put_count(text.size());
    put_raw(std::as_bytes(std::span(text.data(), text.size())));
  }
  template <typename T>
  requires std::is_arithmetic_v<T>
  void put_array(std::span<const T> values) {
    put_count(values.size());
    put_raw(std::as_bytes(values));
  }
  void put_raw(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// Reads what ByteWriter wrote from bytes nobody trusts: every read is checked against the end, every count against what
// could still follow, so a short file can't make a reader reserve much.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  requires std::is_arithmetic_v<T> Result<T> get() {
    if (remaining() < sizeof(T)) return ends_early();
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  // A count of things that take at least `bytes_each` bytes and of which at most `most` are allowed.
  Result<uint32_t> get_count(size_t bytes_each, uint32_t most = UINT32_MAX) {
    const uint32_t n = TRY(get<uint32_t>());
    if (n > remaining() / bytes_each) return ends_early();
    if (n > most) return too_large(std::to_string(n) + " entries where at most " + std::to_string(most) + " are allowed");
    return n;
  }

  Result<std::string> get_string() {
    const uint32_t n = TRY(get_count(1, kStringBytesMax));
    std::string text(reinterpret_cast<const char*>(bytes_.data() + at_), n);
    at_ += n;
    return text;
  }

  template <typename T>
  requires std::is_arithmetic_v<T> Result<std::vector<T>> get_array(uint32_t most = UINT32_MAX) {
    const uint32_t n = TRY(get_count(sizeof(T), most));
    std::vector<T> values(n);
    if (n) std::memcpy(values.data(), bytes_.data() + at_, n * sizeof(T));
    at_ += n * sizeof(T);
    return values;
  }

  size_t remaining() const { return bytes_.size() - at_; }
  Result<void> expect_end() const {
    if (remaining()) return invalid(std::to_string(remaining()) + " bytes follow the last entry");
    return {};
  }

 private:
  Error ends_early() const { return invalid("the data ends early, at byte " + std::to_string(at_)); }

  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

}  // namespace tercel::plan
