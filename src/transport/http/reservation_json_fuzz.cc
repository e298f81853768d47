#include <cstdlib>
#include <cstring>

#include "request/buffer.h"
#include "transport/http/reservation_body.h"

// Whatever is accepted lies inside the limits that the page of limits and the errors name.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tercel::request::Buffer text;
  if (!text.reserve(size + 1)) return 0;
  if (size > 0) std::memcpy(text.data(), data, size);
  const auto body = tercel::transport::http::parse_reservation({reinterpret_cast<const char*>(text.data()), size});
  if (!body.ok()) return body.error().message().empty() ? std::abort(), 0 : 0;
  const auto& wish = body->wish;
  const bool sound = !body->model.empty() && wish.period_us > 0 && wish.deadline_us > 0 && wish.rows > 0 && wish.jitter_us >= 0 &&
                     wish.jitter_us < wish.deadline_us && wish.lease_s > 0 && wish.lease_s <= tercel::serve::kLeaseSecondsMax;
  if (!sound) std::abort();
  return 0;
}
