#include "load/reservation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tercel::load {
namespace {

using testing::HasSubstr;

constexpr char kOne[] =
    R"({"served":7,"reservation":"00000000000000ff","model":"m","version":"3","period_us":5000,"deadline_us":4000,"jitter_us":1,)"
    R"("rows":2,"worst_us":1210,"margin":0.1,"blocking_us":9,"transit_us":500,"lease_s":60,"expires_in_s":59.5,"policed":8,"missed":9})";

TEST(Reservation, AnswersAreUnderstood) {
  const auto one = parse_reservations(kOne);
  ASSERT_TRUE(one.ok()) << one.error().message();
  ASSERT_EQ(one->size(), 1u);
  const ReservationReport& r = (*one)[0];
  EXPECT_EQ(r.id, "00000000000000ff");
  EXPECT_EQ(r.model, "m");
  EXPECT_EQ(r.version, "3");
  EXPECT_EQ(r.period_us, 5000);
  EXPECT_EQ(r.deadline_us, 4000);
  EXPECT_EQ(r.jitter_us, 1);
  EXPECT_EQ(r.rows, 2);
  EXPECT_EQ(r.worst_us, 1210);
  EXPECT_EQ(r.margin, 0.1);
  EXPECT_EQ(r.blocking_us, 9);
  EXPECT_EQ(r.transit_us, 500);
  EXPECT_EQ(r.lease_s, 60);
  EXPECT_EQ(r.served, 7u);
  EXPECT_EQ(r.policed, 8u);
  EXPECT_EQ(r.missed, 9u);
  EXPECT_TRUE(parse_reservations(R"({"reservations":[]})")->empty());
  const std::string two = std::string(R"({"reservations":[)") + kOne + "," + kOne + "]}";
  ASSERT_TRUE(parse_reservations(two).ok());
  EXPECT_EQ((*parse_reservations(two))[1].missed, 9u);
}

TEST(Reservation, WhatIsNoneIsAnError) {
  for (const auto text : {"", "[]", "{}", "{", R"({"reservations":[1]})", R"({"reservations":[{}]})", R"({"reservation":7})",
                          R"({"reservation":"a b"})", R"({"reservation":""})", R"({"reservation":"a\r\nX: y"})"})
    EXPECT_FALSE(parse_reservations(text).ok()) << text;
}

TEST(Reservation, StandsBesideWhatItNeeds) {
  const auto refusal = [](auto&& change) {
    ClientOptions client;
    client.reservation = std::string(kReserveFirst);
    client.arrivals.process = Process::kConstant;
    client.deadline_ns = 5'000'000;
    change(client);
    const auto sound = check_reservation(client);
    return sound.ok() ? "" : sound.error().message();
  };
  EXPECT_EQ(refusal([](auto&) {}), "");
  EXPECT_EQ(refusal([](auto& c) { c.latency_class = "guaranteed"; }), "");
  EXPECT_EQ(refusal([](auto& c) { c = {}; }), "");
  EXPECT_EQ(refusal([](auto& c) {
              c = {};
              c.reservation = "00000000000000ff";
            }),
            "");
  EXPECT_THAT(refusal([](auto& c) { c.reservation = "FF: x"; }), HasSubstr("neither \"auto\" nor an id"));
  EXPECT_THAT(refusal([](auto& c) { c.latency_class = "bulk"; }), HasSubstr("another 'class'"));
  EXPECT_THAT(refusal([](auto& c) { c.arrivals.process = Process::kPoisson; }), HasSubstr("arrivals = \"constant\""));
  EXPECT_THAT(refusal([](auto& c) { c.closed = true; }), HasSubstr("arrivals = \"constant\""));
  EXPECT_THAT(refusal([](auto& c) { c.deadline_ns = 0; }), HasSubstr("needs a 'deadline'"));
}

}  // namespace
}  // namespace tercel::load
