#pragma once

#include <optional>

#include "load/address.h"
#include "load/response.h"
#include "top/missed.h"
#include "top/reading.h"

namespace tercel::top {

inline constexpr size_t kPageBytesMax = size_t{64} << 20;  // of a page that a server is asked for
inline constexpr size_t kMissedMax = 256;                  // requests that are kept of it, as many as a server keeps

struct Answer {
  Reading reading;
  std::vector<Missed> missed;
};

// Asks one server again and again, each page on a connection of its own.
class Source {
 public:
  Source(load::Address address, int64_t patience_ns) : address_(std::move(address)), patience_ns_(patience_ns) {}

  // Blocks for at most about two times the patience (a name that cannot be looked up may take longer). An error says what the
  // server did; asking again is always fine.
  Result<Answer> read();

 private:
  Result<std::string> get(const std::string& path);

  const load::Address address_;
  const int64_t patience_ns_;
  std::optional<load::Endpoint> endpoint_;  // that answered the last time
};

}  // namespace tercel::top
