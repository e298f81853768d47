#include "transport/http/route.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tercel::transport::http {
namespace {

inline constexpr size_t kSegmentsMax = 8;

struct Segments {
  std::array<std::string_view, kSegmentsMax> at;
  size_t count = 0;  // kSegmentsMax + 1: too many
};

Segments split(std::string_view path) {
  Segments segments;
  path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    if (segments.count == kSegmentsMax) {
      ++segments.count;
      return segments;
    }
    segments.at[segments.count++] = path.substr(0, slash);
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

struct FixedPath {
  std::string_view path;
  Endpoint endpoint;
  Method method;
};
constexpr FixedPath kFixed[] = {
    {"/v2/health/live", Endpoint::kLive, Method::kGet},
    {"/v2/health/ready", Endpoint::kReady, Method::kGet},
    {"/livez", Endpoint::kLive, Method::kGet},
    {"/readyz", Endpoint::kReady, Method::kGet},
    {"/v2", Endpoint::kServerMetadata, Method::kGet},
    {"/v2/", Endpoint::kServerMetadata, Method::kGet},
    {"/metrics", Endpoint::kMetrics, Method::kGet},
    {"/v2/models/stats", Endpoint::kAllStatistics, Method::kGet},
    {"/v2/debug/requests", Endpoint::kDebugRequests, Method::kGet},
    {"/v2/repository/index", Endpoint::kRepositoryIndex, Method::kPost},
};

struct ModelVerb {
  std::string_view verb;
  Endpoint endpoint;
  Method method;
};
constexpr ModelVerb kModelVerbs[] = {
    {"infer", Endpoint::kModelInfer, Method::kPost},     {"", Endpoint::kModelMetadata, Method::kGet},
    {"ready", Endpoint::kModelReady, Method::kGet},      {"config", Endpoint::kModelConfig, Method::kGet},
    {"stats", Endpoint::kModelStatistics, Method::kGet},
};

Refusal no_such_path() {
  return {404,
          "no such path; there are v2, v2/health/{live,ready}, v2/models/MODEL[/versions/VERSION][/ready|/config|/stats|/infer], "
          "v2/models/stats, v2/repository/index, v2/reservations[/ID], v2/debug/requests and metrics"};
}

std::optional<Refusal> find_model_route(const Segments& s, Route& route) {
  size_t next = 3;
  route.model = s.at[2];
  if (s.count > next && s.at[next] == "versions") {
    const auto text = s.count > next + 1 ? s.at[next + 1] : std::string_view();
    int64_t version = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (failure != std::errc() || end != text.data() + text.size() || version < 0) {
      return Refusal{404, "a version is a number, as in v2/models/MODEL/versions/1"};
    }
    route.version = version;
    next += 2;
  }
  if (s.count > next + 1) return no_such_path();
  const auto verb = s.count > next ? s.at[next] : std::string_view();
  for (const auto& entry : kModelVerbs) {
    if (entry.verb != verb) continue;
    route.endpoint = entry.endpoint;
    route.method = entry.method;
    return std::nullopt;
  }
  return no_such_path();
}

std::optional<Refusal> find_reservation_route(const Segments& s, Route& route) {
  route.endpoint = s.count == 2 ? Endpoint::kReservations : Endpoint::kReservation;
  route.method = s.count == 2 ? Method::kGet : Method::kPost;
  route.also = s.count == 2 ? Method::kPost : Method::kDelete;
  if (s.count == 2) return std::nullopt;
  const auto id = request::reservation_id_of(s.at[2]);
  if (s.count > 3 || !id)
    return Refusal{404,
                   "a reservation is 16 digits from 0 to f, as in v2/reservations/0123456789abcdef; GET v2/reservations "
                   "lists them"};
  route.reservation = *id;
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> find_route(std::string_view target, Route& route) {
  route = {};
  const size_t mark = std::min(target.find('?'), target.size());
  const auto path = target.substr(0, mark);
  route.query = target.substr(std::min(mark + 1, target.size()));
  const Segments s = split(path);
  const bool is_v2 = s.at[0] == "v2";
  if (is_v2 && s.count >= 2 && s.at[1] == "reservations") return find_reservation_route(s, route);
  const bool is_fixed =
      s.count < 3 || s.at[1] == "health" || s.at[1] == "debug" || s.at[2] == "index" || (s.count == 3 && s.at[2] == "stats");
  if (is_fixed) {
    for (const auto& fixed : kFixed) {
      if (fixed.path != path) continue;
      route.endpoint = fixed.endpoint;
      route.method = fixed.method;
      return std::nullopt;
    }
  }
  if (is_v2 && s.at[1] == "models" && s.count >= 3 && s.count <= kSegmentsMax && !s.at[2].empty())
    return find_model_route(s, route);
  const bool is_change = is_v2 && s.count == 5 && s.at[1] == "repository" && s.at[2] == "models";
  if (!is_change || (s.at[4] != "load" && s.at[4] != "unload")) return no_such_path();
  route.endpoint = s.at[4] == "load" ? Endpoint::kModelLoad : Endpoint::kModelUnload;
  route.method = Method::kPost;
  route.model = s.at[3];
  return std::nullopt;
}

std::optional<std::string_view> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const auto item = query.substr(0, end);
    const size_t equals = std::min(item.find('='), item.size());
    if (item.substr(0, equals) == name) return item.substr(std::min(equals + 1, item.size()));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return std::nullopt;
}

}  // namespace tercel::transport::http
