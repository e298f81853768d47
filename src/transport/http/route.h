#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/http/head.h"

namespace tercel::transport::http {

enum class Endpoint : uint8_t {
  kLive,
  kReady,
  kServerMetadata,
  kMetrics,
  kAllStatistics,
  kDebugRequests,
  kRepositoryIndex,
  kModelLoad,
  kModelUnload,
  kModelMetadata,
  kModelReady,
  kModelConfig,
  kModelStatistics,
  kModelInfer,
  kReservations,
  kReservation,
};

// What a path asks for.
struct Route {
  Endpoint endpoint = Endpoint::kLive;
  Method method = Method::kGet;  // the one that the endpoint takes
  std::optional<Method> also;    // and another
  std::string_view model;        // into the path; as sent, which is right for every name a model can have
  std::optional<int64_t> version;
  std::string_view query;  // what follows the first '?'; as sent
  request::ReservationId reservation = 0;

  bool takes(Method m) const { return m == method || m == also; }
};

// Finds the endpoint of a path such as "/v2/models/m/versions/1/infer"; only /metrics looks at the query. 404 with what is there
// instead.
std::optional<Refusal> find_route(std::string_view target, Route& route);

// The first value of `name` in a query such as "names=triton&x=1"; "" for a name without one. Not percent-decoded: no value that
// is understood here needs it.
std::optional<std::string_view> query_value(std::string_view query, std::string_view name);

}  // namespace tercel::transport::http
