#include "load/response.h"

#include <gtest/gtest.h>

#include <random>

#include "load/answer.h"

namespace tercel::load {
namespace {

const std::string kFixed =
    "HTTP/1.1 200 OK\r\nContent-Type: x\r\ncontent-length:  5\r\nInference-Header-Content-Length: 3\r\n\r\nabcde";
const std::string kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: 1\r\n\r\n";
const std::string kInterim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + kFixed;
const std::string kToTheEnd = "HTTP/1.0 200 OK\r\n\r\nabcde";

struct Parsed {
  bool ok = true;
  std::string error;
  size_t used = 0;
  Response response;
};

// Feeds `text` in pieces of `piece` bytes, and then the end of the stream when the answer is not done.
Parsed parse(const std::string& text, size_t piece, ResponseParser& parser) {
  parser.reset();
  Parsed parsed;
  for (size_t at = 0; at < text.size() && !parser.is_done(); at += piece) {
    const auto used = parser.feed(std::string_view(text).substr(at, piece));
    if (!used.ok()) return {false, used.error().message(), parsed.used, {}};
    parsed.used += *used;
  }
  if (!parser.is_done()) {
    const auto ended = parser.end();
    if (!ended.ok()) return {false, ended.error().message(), parsed.used, {}};
  }
  parsed.response = parser.response();
  return parsed;
}

TEST(Response, IsReadHoweverItArrives) {
  ResponseParser parser;
  for (const std::string& text : {kFixed, kChunked, kInterim, kToTheEnd}) {
    for (size_t piece = 1; piece <= text.size(); ++piece) {
      const Parsed parsed = parse(text, piece, parser);
      ASSERT_TRUE(parsed.ok) << parsed.error << " in pieces of " << piece << ": " << text;
      EXPECT_EQ(parsed.used, text.size());
      EXPECT_EQ(parsed.response.status, 200);
      EXPECT_EQ(parsed.response.captured, "abcde");
      EXPECT_EQ(parsed.response.body_bytes, 5u);
      EXPECT_EQ(parsed.response.keep_alive, text != kToTheEnd);
      EXPECT_EQ(parsed.response.infer_header_length.value_or(0), text == kFixed || text == kInterim ? 3u : 0u);
    }
  }
}

TEST(Response, EndsWhereItEnds) {
  ResponseParser parser;
  EXPECT_EQ(*parser.feed(kFixed + kFixed), kFixed.size());
  EXPECT_TRUE(parser.is_done());
  parser.reset();
  EXPECT_EQ(*parser.feed(kChunked + "x"), kChunked.size());
  parser.reset();
  EXPECT_EQ(*parser.feed("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\nx"), 46u);
  EXPECT_FALSE(parser.response().keep_alive);
  parser.reset();
  EXPECT_EQ(*parser.feed("HTTP/1.1 503 Busy\nContent-Length: 0\n\n"), 37u);  // bare line feeds are borne
  EXPECT_TRUE(parser.is_done());
}

TEST(Response, WhatIsNoAnswerIsRefused) {
  ResponseParser parser;
  const std::string ok = "HTTP/1.1 200 OK\r\n", chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
  std::string interim;
  for (int i = 0; i < 9; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  const struct {
    std::string text, says;
  } cases[] = {
      {"", "without an answer"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "in the middle"},
      {"SSH-2.0-OpenSSH\r\n", "not HTTP/1.1: it begins with 'SSH-2.0-"},
      {std::string(100, '\x01'), "not HTTP/1.1"},
      {"HTTP/2 200\r\n\r\n", "not HTTP/1.1"},
      {"HTTP/1.1 20\r\n\r\n", "not HTTP/1.1"},
      {"HTTP/1.1 2000 OK\r\n\r\n", "not HTTP/1.1"},
      {"HTTP/1.1 +20 OK\r\n\r\n", "not HTTP/1.1"},
      {ok + "no colon\r\n\r\n", "not 'Name: value'"},
      {ok + "Content-Length: 99999999999999999999\r\n\r\n", "Content-Length"},
      {ok + "Content-Length: 999999999999999999\r\n\r\n", "Content-Length"},
      {ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "Content-Length"},
      {ok + "Content-Length: -1\r\n\r\n", "Content-Length"},
      {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", "Transfer-Encoding"},
      {ok + "Inference-Header-Content-Length: x\r\n\r\n", "Inference-Header"},
      {chunked + "x\r\n", "chunk"},
      {chunked + "\r\n", "chunk"},
      {chunked + "ffffffffffffffff\r\n", "chunk"},
      {chunked + "3\r\nabcde\r\n", "longer than it says"},
      {chunked + "3\r\nabc\r\n0\r\n" + std::string(70'000, 'a'), "longer than 65536"},
      {"HTTP/1.1 101 Switching\r\n\r\n", "switched protocols"},
      {interim, "interim"},
      {ok + std::string(70'000, 'a'), "longer than 65536"},
  };
  for (const auto& c : cases) {
    for (const size_t piece : {size_t{1}, size_t{1000}, c.text.size() + 1}) {
      const Parsed parsed = parse(c.text, piece, parser);
      EXPECT_FALSE(parsed.ok) << c.text.substr(0, 100);
      EXPECT_NE(parsed.error.find(c.says), std::string::npos) << parsed.error << ", expected " << c.says;
    }
  }
}

TEST(Response, ManySmallChunksAreNoLongHead) {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 50'000; ++i) text += "1\r\nx\r\n";
  ResponseParser parser;
  for (const size_t piece : {size_t{3}, text.size()}) {
    const Parsed parsed = parse(text + "0\r\n\r\n", piece, parser);
    ASSERT_TRUE(parsed.ok) << parsed.error;
    EXPECT_EQ(parsed.response.body_bytes, 50'000u);
    EXPECT_EQ(parsed.response.captured.size(), 50'000u);
  }
}

TEST(Response, OnlyTheBeginningOfALongBodyIsKept) {
  ResponseParser parser;
  const Parsed parsed = parse("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'b'), 7777, parser);
  EXPECT_EQ(parsed.response.body_bytes, 300'000u);
  EXPECT_EQ(parsed.response.captured.size(), kCapturedBytesMax);
}

TEST(Response, SurvivesMutations) {
  std::mt19937_64 random(5);
  ResponseParser whole, split;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = std::vector<std::string>{kFixed, kChunked, kInterim, kToTheEnd}[random() % 4];
    for (uint64_t edits = 1 + random() % 4; edits > 0 && !text.empty(); --edits) {
      const size_t at = random() % text.size();
      if (random() % 2) text[at] = static_cast<char>(random());
      else text.erase(at, 1 + random() % 9);
    }
    const Parsed a = parse(text, text.size() + 1, whole), b = parse(text, 1 + random() % 9, split);
    ASSERT_EQ(a.ok, b.ok) << text;
    ASSERT_EQ(a.response.captured, b.response.captured) << text;
  }
}

Response answer(const std::string& json, const std::string& tensors, bool with_header = true) {
  Response response;
  response.status = 200;
  response.captured = json + tensors;
  response.body_bytes = response.captured.size();
  if (with_header) response.infer_header_length = json.size();
  return response;
}

TEST(Answer, MustBringTheTensorsItAnnounces) {
  AnswerReader reader;
  const std::string two =
      R"({"outputs":[{"name":"a","parameters":{"binary_data_size":8}},{"name":"b","parameters":{"binary_data_size":4}}]})";
  EXPECT_TRUE(reader.check_answer(answer(two, std::string(12, '\0'))).ok());
  EXPECT_TRUE(reader.check_answer(answer(R"({"outputs":[{"name":"a","data":[1]}]})", "", false)).ok());
  EXPECT_TRUE(reader.check_answer(answer(R"({"outputs":[]})", "")).ok());
  EXPECT_FALSE(reader.check_answer(answer(two, std::string(11, '\0'))).ok());
  EXPECT_FALSE(reader.check_answer(answer(R"({"output":[]})", "")).ok());
  EXPECT_FALSE(reader.check_answer(answer(R"({"outputs":3})", "")).ok());
  EXPECT_FALSE(reader.check_answer(answer("", "")).ok());
  EXPECT_FALSE(reader.check_answer(answer("<html>", "")).ok());
  Response longer = answer("{}", "");
  longer.infer_header_length = 3;
  EXPECT_FALSE(reader.check_answer(longer).ok());
  EXPECT_TRUE(reader.check_answer(answer(two, std::string(12, '\0'))).ok());  // after all that
}

TEST(Answer, ErrorsAreOneLine) {
  AnswerReader reader;
  EXPECT_EQ(reader.error_of(answer(R"({"error":"the queue\nis full"})", "")), "the queue is full");
  EXPECT_EQ(reader.error_of(answer("<html>\r\nno</html>\n", "")), "<html>  no</html>");
  EXPECT_LE(reader.error_of(answer(std::string(5000, 'x'), "")).size(), 240u);
}

}  // namespace
}  // namespace tercel::load
