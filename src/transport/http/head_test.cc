#include "transport/http/head.h"

#include <gtest/gtest.h>

#include <random>

namespace tercel::transport::http {
namespace {

const std::string kGood =
    "POST /v2/models/m/infer HTTP/1.1\r\nHost: localhost:8000\r\nContent-Length: 300\r\n"
    "inference-header-content-length: 100\r\nConnection: keep-alive\r\nX-Tercel-Timing:  1 \r\nAccept: */*\r\n\r\n";

TEST(Head, TakesWhatItNeeds) {
  Head head;
  ASSERT_FALSE(parse_head(kGood, {}, head));
  EXPECT_EQ(head.method, Method::kPost);
  EXPECT_EQ(head.target, "/v2/models/m/infer");
  EXPECT_EQ(head.content_length, 300u);
  EXPECT_EQ(head.infer_header_length, 100u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.wants_timing);
  EXPECT_FALSE(head.expects_continue);

  ASSERT_FALSE(
      parse_head("GET http://h:1/v2 HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\nExpect: 100-Continue\r\n\r\n", {}, head));
  EXPECT_EQ(head.target, "/v2");
  EXPECT_FALSE(head.keep_alive);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_FALSE(head.has_content_length);
  ASSERT_FALSE(parse_head("GET http://h HTTP/1.0\r\n\r\n", {}, head));
  EXPECT_EQ(head.target, "/");
  EXPECT_FALSE(head.keep_alive);
  ASSERT_FALSE(parse_head("PUT / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {}, head));
  EXPECT_EQ(head.method, Method::kOther);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.reservation, std::nullopt);
  ASSERT_FALSE(parse_head("DELETE / HTTP/1.0\r\nX-Tercel-Reservation: 00000000000000ff \r\n\r\n", {}, head));
  EXPECT_EQ(head.method, Method::kDelete);
  EXPECT_EQ(head.reservation, 255u);
}

TEST(Head, TakesTheTraceOfTheCaller) {
  const std::string value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const auto parent = [](const std::string& lines) {
    Head head;
    EXPECT_FALSE(parse_head("GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n", {}, head)) << lines;
    return head.trace_parent;
  };
  EXPECT_FALSE(parent("").is_valid());
  EXPECT_EQ(parent("TraceParent:  " + value + " \r\n").span, 0x00f067aa0ba902b7u);
  EXPECT_TRUE(parent("traceparent: " + value + "\r\ntracestate: a=b\r\n").is_sampled);
  EXPECT_FALSE(parent("traceparent: " + value + "0\r\n").is_valid());
  EXPECT_FALSE(parent("traceparent: " + value + "\r\ntraceparent: " + value + "\r\n").is_valid());
  EXPECT_FALSE(parent("traceparent: \r\ntraceparent: " + value + "\r\n").is_valid());
}

TEST(Head, RefusesWithAStatus) {
  const std::string host = "Host: h\r\n";
  struct Case {
    std::string text;
    int status;
  };
  const Case cases[] = {
      {"\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"GET / FTP/1.1\r\n\r\n", 400},
      {"GET / http/1.1\r\n\r\n", 400},
      {"G(T / HTTP/1.1\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /\x01 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET * HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET  HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},  // no Host
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "No colon\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Name : x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + " folded: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + ": x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "A: x\x01y\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "A: x\ny\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "A: x\ry\r\n\r\n", 400},
      {"GET / HTTP/1.1\n" + host + "\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1,1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 0x10\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Inference-Header-Content-Length: abc\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", 411},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Expect: 200-ok\r\n\r\n", 417},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
  };
  for (const auto& c : cases) {
    Head head;
    const auto refusal = parse_head(c.text, {}, head);
    ASSERT_TRUE(refusal) << c.text;
    EXPECT_EQ(refusal->status, c.status) << c.text;
    EXPECT_FALSE(refusal->message.empty());
  }
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 100; ++i) many += "a: b\r\n";
  Head head;
  EXPECT_EQ(parse_head(many + "\r\n", {}, head)->status, 431);
}

TEST(Head, FindsItsEndHoweverItArrives) {
  size_t scanned = 0;
  for (size_t n = 0; n < kGood.size(); ++n) EXPECT_FALSE(find_head_end(std::string_view(kGood).substr(0, n), scanned)) << n;
  EXPECT_EQ(find_head_end(kGood, scanned), kGood.size());
  for (size_t cut = 0; cut <= kGood.size(); ++cut) {
    scanned = 0;
    const std::string more = kGood + "body\r\n\r\n";
    find_head_end(std::string_view(more).substr(0, cut), scanned);
    if (cut >= kGood.size()) continue;
    EXPECT_EQ(find_head_end(more, scanned), kGood.size()) << cut;
  }
}

// Whatever happens to a valid head, it is parsed or refused, and what is parsed lies inside of it.
TEST(Head, SurvivesMutations) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string pieces[] = {"\r\n",        "\r", "\n", ":", " ", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
                                "Host: h\r\n", "\t", ","};
  for (int i = 0; i < 5000; ++i) {
    std::string text = kGood;
    for (uint64_t edits = 1 + random() % 4; edits > 0 && !text.empty(); --edits) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0: text[at] = static_cast<char>(random()); break;
        case 1: text.erase(at, 1 + random() % 20); break;
        case 2: text.insert(at, pieces[random() % std::size(pieces)]); break;
        case 3: text.insert(at, text.substr(random() % text.size(), random() % 40)); break;
      }
    }
    size_t scanned = 0;
    const auto end = find_head_end(text, scanned);
    Head head;
    const std::string_view whole = std::string_view(text).substr(0, end.value_or(text.size()));
    const auto refusal = parse_head(whole, {}, head);
    if (refusal) {
      EXPECT_GE(refusal->status, 400);
      continue;
    }
    EXPECT_EQ(head.target.empty() ? '/' : head.target[0], '/');
    EXPECT_LE(head.target.size(), whole.size());
  }
}

}  // namespace
}  // namespace tercel::transport::http
