#include "request/reservation_id.h"

#include <charconv>

namespace tercel::request {

namespace {

constexpr size_t kDigits = 16;

}  // namespace

std::optional<ReservationId> reservation_id_of(std::string_view text) {
  ReservationId id = 0;
  if (text.size() != kDigits) return std::nullopt;
  for (const char c : text)
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), id, 16);
  return id;
}

std::string reservation_id_text(ReservationId id) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text(kDigits, '0');
  for (size_t i = kDigits; i > 0; --i, id >>= 4) text[i - 1] = kHex[id & 15];
  return text;
}

}  // namespace tercel::request
