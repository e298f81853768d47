#include "base/crc32c.h"

#include <array>
#include <cstring>

namespace tercel {

namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // reflected

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) ? (crc >> 1) ^ kPolynomial : crc >> 1;
    table[i] = crc;
  }
  return table;
}
constexpr auto kTable = make_table();

// A linear map on 32-bit remainders over GF(2): column i is the image of bit i.
using Matrix = std::array<uint32_t, 32>;

constexpr uint32_t apply(const Matrix& matrix, uint32_t vector) {
  uint32_t sum = 0;
  for (int i = 0; i < 32; ++i)
    if ((vector >> i) & 1) sum ^= matrix[i];
  return sum;
}

// Bytes that each of three chains takes before they are joined, a power of two: long ones, whose reading ahead pays, and
// short ones for what is left.
constexpr size_t kLongLane = 16384, kShortLane = 512;

// What `lane` zero bytes do to a remainder: the map of one byte, squared log2(lane) times.
constexpr Matrix make_lane_shift(size_t lane) {
  Matrix shift{};
  for (int i = 0; i < 32; ++i) {
    const uint32_t bit = 1u << i;
    shift[i] = (bit >> 8) ^ kTable[bit & 0xff];
  }
  for (size_t n = 1; n < lane; n *= 2) {
    Matrix square{};
    for (int i = 0; i < 32; ++i) square[i] = apply(shift, shift[i]);
    shift = square;
  }
  return shift;
}
template <size_t kLane>
constexpr Matrix kLaneShift = make_lane_shift(kLane);

uint64_t load64(const std::byte* p) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  return word;
}

// Reads ahead by this much in each chain: three streams in pages of their own are more than the machine foresees.
constexpr size_t kAhead = 2048;

// The instruction has a latency of three cycles and a throughput of one: three independent chains keep it busy.
template <size_t kLane>
__attribute__((target("sse4.2"))) uint32_t chains(uint32_t state, const std::byte*& p, size_t& n) {
  for (; n >= 3 * kLane; p += 3 * kLane, n -= 3 * kLane) {
    uint64_t a = state, b = 0, c = 0;
    for (size_t line = 0; line < kLane; line += 64) {
      for (size_t lane = 0; lane < 3; ++lane) __builtin_prefetch(p + lane * kLane + line + kAhead);
      for (size_t i = line; i < line + 64; i += 8) {
        a = __builtin_ia32_crc32di(a, load64(p + i));
        b = __builtin_ia32_crc32di(b, load64(p + kLane + i));
        c = __builtin_ia32_crc32di(c, load64(p + 2 * kLane + i));
      }
    }
    const uint32_t ab = apply(kLaneShift<kLane>, static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b);
    state = apply(kLaneShift<kLane>, ab) ^ static_cast<uint32_t>(c);
  }
  return state;
}

__attribute__((target("sse4.2"))) uint32_t hardware(uint32_t state, const std::byte* p, size_t n) {
  state = chains<kLongLane>(state, p, n);
  state = chains<kShortLane>(state, p, n);
  for (; n >= 8; p += 8, n -= 8) state = static_cast<uint32_t>(__builtin_ia32_crc32di(state, load64(p)));
  for (; n > 0; ++p, --n) state = __builtin_ia32_crc32qi(state, static_cast<unsigned char>(*p));
  return state;
}

}  // namespace

uint32_t crc32c_portable(uint32_t crc, std::span<const std::byte> bytes) {
  uint32_t state = ~crc;
  for (const std::byte byte : bytes) state = (state >> 8) ^ kTable[(state ^ static_cast<uint32_t>(byte)) & 0xff];
  return ~state;
}

uint32_t crc32c(uint32_t crc, std::span<const std::byte> bytes) {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  return has_instruction ? ~hardware(~crc, bytes.data(), bytes.size()) : crc32c_portable(crc, bytes);
}

}  // namespace tercel
