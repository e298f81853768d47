#include "observe/log.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace tercel::observe {
namespace {

std::string captured(const LogOptions& options, auto body) {
  testing::internal::CaptureStderr();
  start_logging(options);
  body();
  stop_logging();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, WritesOneJsonObjectALineAndEscapesControlCharacters) {
  const auto text = captured({.format = LogFormat::kJson}, [] {
    log(LogLevel::kWarning, "serve", "forged\n{\"level\":\"info\"}", {{"model", "a\"\x1b[31m"}, {"trace_id", ""}});
    log(LogLevel::kDebug, "serve", "too quiet to be seen");
  });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_NE(text.find("\"level\":\"warning\",\"msg\":\"forged\\u000a{\\\"level\\\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"component\":\"serve\",\"model\":\"a\\\"\\u001b[31m\"}"), std::string::npos) << text;
  EXPECT_EQ(text.rfind("{\"ts\":\"20", 0), 0u) << text;
}

TEST(Log, TextKeepsToOneLine) {
  const auto text = captured({.format = LogFormat::kText}, [] {
    log(LogLevel::kInfo, "cli", "a\nb", {{"none", ""}, {"k", "v\r"}});
  });
  EXPECT_NE(text.find("info cli: a?b k=v?\n"), std::string::npos) << text;
}

TEST(Log, ManyThreadsNeitherBlockNorMixLines) {
  const auto text = captured({.format = LogFormat::kJson}, [] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 200; ++i) log(LogLevel::kInfo, "test", "line");
      });
    }
    for (auto& thread : threads) thread.join();
  });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 800);
}

TEST(Log, IsSilentWhenNotStarted) {
  testing::internal::CaptureStderr();
  log(LogLevel::kError, "test", "nobody listens");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace tercel::observe
