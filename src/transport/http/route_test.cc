#include "transport/http/route.h"

#include <gtest/gtest.h>

namespace tercel::transport::http {
namespace {

TEST(Route, FindsEveryEndpoint) {
  struct Case {
    const char* path;
    Endpoint endpoint;
    Method method;
    const char* model;
    std::optional<int64_t> version;
  };
  const Case cases[] = {
      {"/v2", Endpoint::kServerMetadata, Method::kGet, "", {}},
      {"/v2?x=/v2/models", Endpoint::kServerMetadata, Method::kGet, "", {}},
      {"/v2/health/live", Endpoint::kLive, Method::kGet, "", {}},
      {"/v2/health/ready", Endpoint::kReady, Method::kGet, "", {}},
      {"/livez", Endpoint::kLive, Method::kGet, "", {}},
      {"/readyz", Endpoint::kReady, Method::kGet, "", {}},
      {"/metrics", Endpoint::kMetrics, Method::kGet, "", {}},
      {"/v2/models/stats", Endpoint::kAllStatistics, Method::kGet, "", {}},
      {"/v2/repository/index", Endpoint::kRepositoryIndex, Method::kPost, "", {}},
      {"/v2/repository/models/m/load", Endpoint::kModelLoad, Method::kPost, "m", {}},
      {"/v2/repository/models/m/unload", Endpoint::kModelUnload, Method::kPost, "m", {}},
      {"/v2/models/m", Endpoint::kModelMetadata, Method::kGet, "m", {}},
      {"/v2/models/health", Endpoint::kModelMetadata, Method::kGet, "health", {}},
      {"/v2/models/index", Endpoint::kModelMetadata, Method::kGet, "index", {}},
      {"/v2/models/m/ready", Endpoint::kModelReady, Method::kGet, "m", {}},
      {"/v2/models/m/config", Endpoint::kModelConfig, Method::kGet, "m", {}},
      {"/v2/models/m/stats", Endpoint::kModelStatistics, Method::kGet, "m", {}},
      {"/v2/models/stats/infer", Endpoint::kModelInfer, Method::kPost, "stats", {}},
      {"/v2/models/m.x-1/infer?a=b", Endpoint::kModelInfer, Method::kPost, "m.x-1", {}},
      {"/v2/models/m/versions/12", Endpoint::kModelMetadata, Method::kGet, "m", 12},
      {"/v2/models/m/versions/12/infer", Endpoint::kModelInfer, Method::kPost, "m", 12},
      {"/v2/models/m/versions/0/ready", Endpoint::kModelReady, Method::kGet, "m", 0},
      {"/v2/models/reservations", Endpoint::kModelMetadata, Method::kGet, "reservations", {}},
      {"/v2/reservations", Endpoint::kReservations, Method::kGet, "", {}},
      {"/v2/reservations/00000000000000ff", Endpoint::kReservation, Method::kPost, "", {}},
  };
  for (const auto& c : cases) {
    Route route;
    ASSERT_FALSE(find_route(c.path, route)) << c.path;
    EXPECT_EQ(route.endpoint, c.endpoint) << c.path;
    EXPECT_EQ(route.method, c.method) << c.path;
    EXPECT_EQ(route.model, c.model) << c.path;
    EXPECT_EQ(route.version, c.version) << c.path;
  }
}

TEST(Route, ReservationsTakeTwoMethods) {
  Route route;
  ASSERT_FALSE(find_route("/v2/reservations", route));
  EXPECT_TRUE(route.takes(Method::kGet) && route.takes(Method::kPost) && !route.takes(Method::kDelete));
  ASSERT_FALSE(find_route("/v2/reservations/00000000000000ff?x", route));
  EXPECT_TRUE(route.takes(Method::kDelete) && route.takes(Method::kPost) && !route.takes(Method::kGet));
  EXPECT_EQ(route.reservation, 255u);
  for (const auto path : {"/v2/reservations/", "/v2/reservations/ff", "/v2/reservations/00000000000000FF",
                          "/v2/reservations/00000000000000ff/", "/v2/reservations/00000000000000ff/renew"}) {
    const auto refusal = find_route(path, route);
    ASSERT_TRUE(refusal) << path;
    EXPECT_EQ(refusal->status, 404);
    EXPECT_NE(refusal->message.find("16 digits"), std::string::npos);
  }
  ASSERT_FALSE(find_route("/v2", route));
  EXPECT_FALSE(route.takes(Method::kPost) || route.also) << "nothing is left of the route before";
}

TEST(Route, EverythingElseIsNotFound) {
  for (const auto path : {"/",
                          "//",
                          "/v1",
                          "/v2/health",
                          "/v2/health/x",
                          "/v2/models",
                          "/v2/models/",
                          "/v2/models//infer",
                          "/v2/models/m/x",
                          "/v2/models/m/infer/",
                          "/v2/models/m/versions",
                          "/v2/models/m/versions/x",
                          "/v2/models/m/versions/-1",
                          "/v2/models/m/versions/99999999999999999999",
                          "/v2/models/m/versions/1/infer/x",
                          "/v2/repository",
                          "/v2/repository/models/m",
                          "/v2/repository/models/m/x",
                          "/metrics/",
                          "/v2/models/a/b/c/d/e/f/g/h/i",
                          "/V2",
                          "?",
                          "/?/v2",
                          "/v2/systemsharedmemory/status"}) {
    if (*path != '/') continue;
    Route route;
    const auto refusal = find_route(path, route);
    ASSERT_TRUE(refusal) << path;
    EXPECT_EQ(refusal->status, 404) << path;
  }
}

TEST(Route, FindsTheQueryAndItsValues) {
  Route route;
  ASSERT_FALSE(find_route("/metrics?names=triton&names=tercel&&empty=&bare", route));
  EXPECT_EQ(route.endpoint, Endpoint::kMetrics);
  EXPECT_EQ(query_value(route.query, "names"), "triton");
  EXPECT_EQ(query_value(route.query, "empty"), "");
  EXPECT_EQ(query_value(route.query, "bare"), "");
  EXPECT_EQ(query_value(route.query, "name"), std::nullopt);
  EXPECT_EQ(query_value(route.query, "triton"), std::nullopt);
  ASSERT_FALSE(find_route("/metrics?", route));
  EXPECT_EQ(route.query, "");
  ASSERT_FALSE(find_route("/metrics?a?b=c", route));
  EXPECT_EQ(query_value(route.query, "a?b"), "c");
  ASSERT_FALSE(find_route("/metrics", route));
  EXPECT_EQ(route.query, "");
}

}  // namespace
}  // namespace tercel::transport::http
