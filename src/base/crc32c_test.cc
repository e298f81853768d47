#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

#include "base/digest.h"

namespace tercel {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

TEST(Crc32c, MatchesPublishedVectors) {
  EXPECT_EQ(crc32c(0, bytes_of("")), 0u);
  EXPECT_EQ(crc32c(0, bytes_of("123456789")), 0xe3069283u);
  const std::vector<std::byte> zeros(32), ones(32, std::byte{0xff});
  EXPECT_EQ(crc32c(0, zeros), 0x8a9136aau);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(0, ones), 0x62a8ab43u);
}

TEST(Digest, IsTheCrcAndTheSize) {
  EXPECT_EQ(digest_of(bytes_of("123456789")), "crc32c:e3069283:9");
  EXPECT_EQ(digest_of({}), "crc32c:00000000:0");
}

TEST(Crc32c, InstructionAgreesWithTableAtEveryLengthAndSplit) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::vector<std::byte> data(3 * 16384 * 2 + 3 * 512 + 77);
  for (std::byte& b : data) b = static_cast<std::byte>(random());
  for (size_t n : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{9}, size_t{1535}, size_t{1536}, size_t{1537}, size_t{49151},
                   size_t{49152}, size_t{49153}, size_t{50689}, data.size()}) {
    const auto all = std::span<const std::byte>(data).first(n);
    const uint32_t expected = crc32c_portable(0, all);
    EXPECT_EQ(crc32c(0, all), expected) << n;
    const size_t cut = n ? random() % n : 0;
    EXPECT_EQ(crc32c(crc32c(0, all.first(cut)), all.subspan(cut)), expected) << n << " cut at " << cut;
  }
}

}  // namespace
}  // namespace tercel
