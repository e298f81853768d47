#include "observe/trace/tracer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "observe/trace/testing_collector.h"

namespace tercel::observe::trace {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

Options options_for(const std::string& url) {
  Options options;
  options.collector = parse_collector(url + "/v1/traces").take();
  options.resource = {{"service.name", "test"}};
  options.queue_max = 8;
  options.batch_max = 4;
  options.delay = milliseconds(10);
  options.timeout = milliseconds(5'000);
  options.first_backoff = milliseconds(1);
  return options;
}

Span numbered(uint64_t id) {
  Span span;
  span.trace = {7, 7};
  span.id = id;
  span.stages[0] = {"receive", 5};  // so that it is two spans
  return span;
}

// Whether it becomes true within 20 s.
bool eventually(auto condition) {
  const int64_t end_ns = platform::now_ns() + 20'000'000'000;
  while (!condition() && platform::now_ns() < end_ns) ::usleep(1000);
  return condition();
}

TEST(Tracer, FollowsTheCallersTraceOrBeginsOne) {
  const Tracer tracer(options_for("http://127.0.0.1:1"));
  const Parent sampled{{1, 2}, 3, true}, not_sampled{{1, 2}, 3, false};
  const Context below = tracer.begin(sampled), aside = tracer.begin(not_sampled);
  EXPECT_TRUE(below.is_sampled);
  EXPECT_EQ(below.trace, sampled.trace);
  EXPECT_EQ(below.parent, 3u);
  EXPECT_NE(below.span, 0u);
  EXPECT_NE(below.span, 3u);
  EXPECT_FALSE(aside.is_sampled);
  EXPECT_EQ(aside.trace, sampled.trace);
  std::set<uint64_t> ids;
  for (int i = 0; i < 1000; ++i) {
    const Context root = tracer.begin({});
    EXPECT_TRUE(root.is_sampled && root.trace.is_valid());
    EXPECT_EQ(root.parent, 0u);
    ids.insert({root.span, root.trace.high, root.trace.low});
  }
  EXPECT_EQ(ids.size(), 3000u);
  // Without a tracer a request still knows where it belongs.
  EXPECT_EQ(begin(nullptr, sampled).trace, sampled.trace);
  EXPECT_FALSE(begin(nullptr, sampled).is_sampled);
}

TEST(Tracer, SendsWhatHasWaitedAndWhatWaitsAtTheEnd) {
  TestingCollector collector;
  auto options = options_for(collector.url());
  {
    Tracer tracer(options);
    tracer.record(numbered(1));
    EXPECT_EQ(collector.bodies(1).size(), 1u);
    EXPECT_TRUE(eventually([&] { return tracer.spans_exported() == 2; }));
  }
  options.delay = std::chrono::hours(1);
  {
    Tracer tracer(options);
    for (uint64_t i = 0; i < 4; ++i) tracer.record(numbered(0x10 + i));  // a batch goes out when it is full
    EXPECT_TRUE(eventually([&] { return tracer.spans_exported() == 8; }));
    tracer.record(numbered(0x20));
  }
  const auto bodies = collector.bodies(3);
  ASSERT_EQ(bodies.size(), 3u);
  EXPECT_THAT(bodies[0], HasSubstr("\"spanId\":\"0000000000000001\""));
  for (uint64_t i = 0; i < 4; ++i) EXPECT_THAT(bodies[1], HasSubstr("\"spanId\":\"" + span_text(0x10 + i)));
  EXPECT_THAT(bodies[2], HasSubstr("\"spanId\":\"0000000000000020\""));
}

TEST(Tracer, TriesAgainWhereItMayHelp) {
  TestingCollector collector({"HTTP/1.1 503 No\r\n\r\n", "HTTP/1.1 429 No\r\n\r\n", "", TestingCollector::kGood});
  auto options = options_for(collector.url());
  options.timeout = milliseconds(100);
  Tracer tracer(options);
  tracer.record(numbered(1));
  const auto bodies = collector.bodies(4);
  ASSERT_EQ(bodies.size(), 4u);
  for (const auto& body : bodies) EXPECT_EQ(body, bodies[0]);
  EXPECT_TRUE(eventually([&] { return tracer.spans_exported() == 2; }));
  EXPECT_EQ(tracer.spans_dropped_failed(), 0u);
}

TEST(Tracer, DropsWhatIsRefusedAndGoesOn) {
  TestingCollector collector({"HTTP/1.1 400 No\r\n\r\n", "HTTP/1.1 500 No\r\n\r\n", TestingCollector::kGood});
  Tracer tracer(options_for(collector.url()));
  for (uint64_t i = 1; i <= 3; ++i) {
    tracer.record(numbered(i));
    ASSERT_EQ(collector.bodies(i).size(), i);
  }
  EXPECT_TRUE(eventually([&] { return tracer.spans_exported() == 2 && tracer.spans_dropped_failed() == 4; }));
}

TEST(Tracer, GivesUpOnACollectorThatIsNotThere) {
  Tracer tracer(options_for("http://127.0.0.1:1"));
  tracer.record(numbered(1));
  EXPECT_TRUE(eventually([&] { return tracer.spans_dropped_failed() == 2; }));
  EXPECT_EQ(tracer.spans_exported(), 0u);
}

// The request side: a collector that hangs costs it nothing but the spans, and all of them are accounted for.
TEST(Tracer, AHangingCollectorBlocksNobody) {
  TestingCollector collector({TestingCollector::kSilence});
  auto options = options_for(collector.url());
  options.timeout = std::chrono::hours(1);
  options.flush = milliseconds(200);
  Tracer tracer(options);
  tracer.record(numbered(1));
  ASSERT_EQ(collector.bodies(1).size(), 1u);
  for (uint64_t i = 0; i < 1000; ++i) tracer.record(numbered(2 + i));
  EXPECT_EQ(tracer.spans_dropped_full(), 2 * (1000 - options.queue_max));
  const int64_t before_ns = platform::now_ns();
  tracer.stop();
  EXPECT_LT(platform::now_ns() - before_ns, 10'000'000'000);
  EXPECT_EQ(tracer.spans_dropped_failed(), 2 * (1 + options.queue_max));
  EXPECT_EQ(tracer.spans_exported(), 0u);
}

}  // namespace
}  // namespace tercel::observe::trace
