#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tercel::request {

// A reservation's name on the wire: 64 random bits as 16 lower-case hexadecimal digits, so that no client uses another's by
// mistake. Not a secret: whoever may list the reservations sees it.
using ReservationId = uint64_t;

std::optional<ReservationId> reservation_id_of(std::string_view text);
std::string reservation_id_text(ReservationId id);

}  // namespace tercel::request
