#include "observe/trace/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "observe/trace/testing_collector.h"
#include "platform/clock.h"

namespace tercel::observe::trace {
namespace {

using testing::HasSubstr;

TEST(Collector, TakesPlainUrls) {
  struct Case {
    const char *url, *host, *port, *path;
  };
  const Case cases[] = {
      {"http://127.0.0.1:4318/v1/traces", "127.0.0.1", "4318", "/v1/traces"},
      {"http://collector", "collector", "80", "/"},
      {"http://[::1]:4318/a/b?c=d", "::1", "4318", "/a/b?c=d"},
      {"http://[::1]", "::1", "80", "/"},
  };
  for (const Case& c : cases) {
    const auto collector = parse_collector(c.url);
    ASSERT_TRUE(collector.ok()) << c.url;
    EXPECT_EQ(collector->host, c.host);
    EXPECT_EQ(collector->port, c.port);
    EXPECT_EQ(collector->path, c.path);
  }
  EXPECT_THAT(parse_collector("https://127.0.0.1:4318").error().message(), HasSubstr("plain http alone"));
  for (const char* url : {"", "127.0.0.1:4318", "grpc://a:1", "http://", "http://a:0", "http://a:x", "http://a:70000",
                          "http://a b", "http://a\r\nb", "http://user@a", "http://a?b", "http://a/#b"})
    EXPECT_FALSE(parse_collector(url).ok()) << url;
}

TEST(Collector, AnswersAreReadOnceTheyAreWhole) {
  const std::string busy = "HTTP/1.1 429 Too Many Requests\r\nServer: x\r\nretry-after:  7 \r\n\r\n";
  for (size_t n = 0; n < busy.size(); ++n) {
    const auto answer = parse_collector_answer(busy.substr(0, n));
    ASSERT_TRUE(answer.ok()) << n;
    EXPECT_FALSE(*answer) << n;
  }
  const auto answer = parse_collector_answer(busy + "body").take();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->retry_after_ns, 7'000'000'000);
  EXPECT_TRUE(answer->is_worth_repeating());
  EXPECT_FALSE(answer->is_accepted());
  struct Case {
    const char* text;
    int status;  // 0: no HTTP
    bool accepted, again;
  };
  const Case cases[] = {
      {"HTTP/1.1 200 OK\r\n\r\n", 200, true, false},
      {"HTTP/1.0 202 \r\n\r\n", 202, true, false},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n", 503, false, true},
      {"HTTP/1.1 500 No\r\nRetry-After\r\n: x\r\nRetry-After: -1\r\n\r\n", 500, false, false},
      {"HTTP/1.1 400 No\r\n\r\n", 400, false, false},
      {"HTTP/1.1 20 OK\r\n\r\n", 0, false, false},
      {"HTTP/1.1 2000\r\n\r\n", 200, true, false},
      {"HTTP/1.1 ", -1, false, false},
      {"SSH-2.0-x\r\n\r\n", 0, false, false},
      {"HTTP/1.1\r\n\r\n", 0, false, false},
      {"\r\n\r\n", 0, false, false},
  };
  for (const Case& c : cases) {
    const auto parsed = parse_collector_answer(c.text);
    ASSERT_EQ(parsed.ok(), c.status != 0) << c.text;
    if (!parsed.ok()) continue;
    ASSERT_EQ(parsed->has_value(), c.status > 0) << c.text;
    if (!*parsed) continue;
    EXPECT_EQ((*parsed)->status, c.status) << c.text;
    EXPECT_EQ((*parsed)->is_accepted(), c.accepted) << c.text;
    EXPECT_EQ((*parsed)->is_worth_repeating(), c.again) << c.text;
    EXPECT_FALSE((*parsed)->retry_after_ns) << c.text;
  }
}

TEST(Collector, PostsInTimeOrSaysWhyNot) {
  const std::atomic<int64_t> never{std::numeric_limits<int64_t>::max()};
  const auto within = [&](const std::string& url, int64_t ns) {
    return post(parse_collector(url).take(), std::string(300'000, '{'), platform::now_ns() + ns, never);
  };
  constexpr int64_t kSecond = 1'000'000'000;
  {
    TestingCollector good;
    const auto answer = within(good.url() + "/v1/traces", 20 * kSecond);
    ASSERT_TRUE(answer.ok()) << answer.error().message();
    EXPECT_EQ(answer->status, 200);
    const auto requests = good.requests();
    ASSERT_EQ(requests.size(), 1u);
    EXPECT_EQ(requests[0].rfind("POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1:", 0), 0u) << requests[0].substr(0, 200);
    EXPECT_THAT(requests[0].substr(0, 300), HasSubstr("\r\nContent-Type: application/json\r\nContent-Length: 300000\r\n"));
    EXPECT_EQ(requests[0].substr(requests[0].find("\r\n\r\n") + 4), std::string(300'000, '{'));
  }
  TestingCollector silent({TestingCollector::kSilence}), closing({"HTTP/1.1 200"}), other({"220 smtp\r\n\r\n"});
  const int64_t before_ns = platform::now_ns();
  EXPECT_THAT(within(silent.url(), kSecond / 5).error().message(), HasSubstr("in time"));
  EXPECT_LT(platform::now_ns() - before_ns, 5 * kSecond);
  EXPECT_THAT(within(closing.url(), 20 * kSecond).error().message(), HasSubstr("without an answer"));
  EXPECT_THAT(within(other.url(), 20 * kSecond).error().message(), HasSubstr("no HTTP server"));
  EXPECT_THAT(within("http://127.0.0.1:1", 20 * kSecond).error().message(), HasSubstr("cannot connect"));
}

// Another thread may shorten the time.
TEST(Collector, IsInterrupted) {
  TestingCollector silent({TestingCollector::kSilence});
  std::atomic<int64_t> stop{std::numeric_limits<int64_t>::max()};
  std::jthread stopper([&] {
    (void)silent.bodies(1);
    stop.store(platform::now_ns());
  });
  const int64_t before_ns = platform::now_ns();
  EXPECT_FALSE(post(parse_collector(silent.url()).take(), "{}", before_ns + 60'000'000'000, stop).ok());
  EXPECT_LT(platform::now_ns() - before_ns, 20'000'000'000);
}

}  // namespace
}  // namespace tercel::observe::trace
