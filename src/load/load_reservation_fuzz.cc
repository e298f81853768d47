#include <cstdlib>

#include "load/reservation.h"

// What a server says of reservations goes into paths and headers: an id that is understood is a plain word.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto reports = tercel::load::parse_reservations({reinterpret_cast<const char*>(data), size});
  if (!reports.ok()) return reports.error().message().empty() ? std::abort(), 0 : 0;
  for (const auto& report : *reports) {
    if (report.id.empty() || report.id.size() > tercel::load::kReservationIdBytesMax) std::abort();
    for (const char c : report.id)
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))) std::abort();
  }
  return 0;
}
