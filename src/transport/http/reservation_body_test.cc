#include "transport/http/reservation_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "request/buffer.h"

namespace tercel::transport::http {
namespace {

using testing::HasSubstr;

Result<ReservationBody> parse(std::string text) {
  const size_t size = text.size();
  text.resize(size + request::kBufferPadding);
  return parse_reservation(std::string_view(text).substr(0, size));
}

TEST(ReservationBody, TakesWhatItNeeds) {
  const auto least = parse(R"( {"model":"m\u0041","period_us":5000,"deadline_us":4000} )");
  ASSERT_TRUE(least.ok()) << least.error().message();
  EXPECT_EQ(least->model, "mA");
  EXPECT_EQ(least->version, std::nullopt);
  EXPECT_EQ(least->wish.period_us, 5000);
  EXPECT_EQ(least->wish.deadline_us, 4000);
  EXPECT_EQ(least->wish.jitter_us, 0);
  EXPECT_EQ(least->wish.rows, 1u);
  EXPECT_EQ(least->wish.lease_s, serve::kLeaseSeconds);
  const auto all = parse(
      R"({"batch":4,"lease_s":7,"jitter_us":300,"deadline_us":3600000000,"min_interarrival_us":1,"version":12,"model":"m"})");
  ASSERT_TRUE(all.ok()) << all.error().message();
  EXPECT_EQ(all->version, 12);
  EXPECT_EQ(all->wish.period_us, 1);
  EXPECT_EQ(all->wish.deadline_us, 3'600'000'000);
  EXPECT_EQ(all->wish.jitter_us, 300);
  EXPECT_EQ(all->wish.rows, 4u);
  EXPECT_EQ(all->wish.lease_s, 7);
}

TEST(ReservationBody, ErrorsNameTheField) {
  const std::string good = R"("model":"m","period_us":5000,"deadline_us":5000)";
  struct Case {
    std::string text;
    const char* says;
  };
  const Case cases[] = {
      {"", "no body"},
      {"{", "not valid JSON"},
      {"[]", "the reservation"},
      {"{" + good + "} {}", "something follows"},
      {"{" + good + "} x", "not valid JSON"},
      {"{" + good + R"(,"perod_us":1})", "unknown field 'perod_us'"},
      {R"({"period_us":5000,"deadline_us":5000})", "has no model"},
      {R"({"model":"","period_us":5000,"deadline_us":5000})", "has no model"},
      {R"({"model":7,"period_us":5000,"deadline_us":5000})", "model must be a string"},
      {R"({"model":"m","deadline_us":5000})", "has no period_us"},
      {R"({"model":"m","period_us":5000})", "has no deadline_us"},
      {R"({"model":"m","model":"m"})", "model is given twice"},
      {R"({"model":"m","period_us":0,"deadline_us":1})", "period_us is 0: give microseconds, an integer from 1 to 3600000000"},
      {R"({"model":"m","period_us":-5,"deadline_us":1})", "period_us is -5"},
      {R"({"model":"m","period_us":1.5,"deadline_us":1})", "period_us is 1.5"},
      {R"({"model":"m","period_us":"5ms" ,"deadline_us":1})", R"(period_us is "5ms":)"},
      {R"({"model":"m","period_us":99999999999999999999,"deadline_us":1})", "period_us is 99999999999999999999"},
      {R"({"model":"m","period_us":{"a":[1]},"deadline_us":1})", "period_us is {"},
      {R"({"model":"m","period_us":null,"deadline_us":1})", "period_us is null"},
      {R"({"model":"m","period_us":1,"min_interarrival_us":1})", "min_interarrival_us is given twice, or under both"},
      {"{" + good + R"(,"deadline_us":1})", "deadline_us is given twice"},
      {"{" + good + R"(,"rows":0})", "rows is 0"},
      {"{" + good + R"(,"batch":129})", "batch is 129: give rows of each request, an integer from 1 to 128"},
      {"{" + good + R"(,"jitter_us":-1})", "jitter_us is -1"},
      {"{" + good + R"(,"jitter_us":5000})", "jitter_us is 5000: it must be shorter than deadline_us"},
      {"{" + good + R"(,"lease_s":0})", "lease_s is 0"},
      {"{" + good + R"(,"lease_s":86401})", "an integer from 1 to 86400"},
      {"{" + good + R"(,"version":-1})", "version is -1"},
      {"{" + good + R"(,"version":"1"})", R"(version is "1")"},
      {"{" + good + "}" + std::string(kReservationBytesMax, ' '), "more than 16384 bytes"},
  };
  for (const auto& c : cases) {
    const auto body = parse(c.text);
    ASSERT_FALSE(body.ok()) << c.text.substr(0, 100);
    EXPECT_THAT(body.error().message(), HasSubstr(c.says)) << c.text.substr(0, 100);
  }
}

}  // namespace
}  // namespace tercel::transport::http
