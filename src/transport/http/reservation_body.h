#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "serve/reservations.h"

namespace tercel::transport::http {

inline constexpr size_t kReservationBytesMax = 16 << 10;  // of a request for a reservation

// What POST v2/reservations asks for.
struct ReservationBody {
  std::string model;
  std::optional<int64_t> version;
  serve::ReservationWish wish;
};

// {"model": "m", "version": 3, "period_us": 5000, "deadline_us": 5000, "jitter_us": 500, "rows": 1, "lease_s": 60}; version,
// jitter_us, rows and lease_s may be left out, min_interarrival_us is another name for period_us and batch for rows. Errors name
// the field. `text` has kBufferPadding readable bytes behind it.
Result<ReservationBody> parse_reservation(std::string_view text);

}  // namespace tercel::transport::http
