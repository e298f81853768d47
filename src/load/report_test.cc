#include "load/report.h"

#include <gtest/gtest.h>

#include "load/html.h"
#include "load/svg.h"

namespace tercel::load {
namespace {

TEST(Outcome, OfEveryStatus) {
  const struct {
    int status;
    int64_t latency, deadline;
    Outcome outcome;
  } cases[] = {
      {200, 5, 0, Outcome::kInTime},      {200, 5, 5, Outcome::kInTime},      {200, 6, 5, Outcome::kLate},
      {429, 1, 5, Outcome::kRefused},     {503, 9, 5, Outcome::kRefused},     {504, 9, 5, Outcome::kDeadline},
      {400, 1, 5, Outcome::kClientError}, {404, 1, 5, Outcome::kClientError}, {500, 1, 5, Outcome::kServerError},
      {302, 1, 5, Outcome::kServerError}, {204, 1, 5, Outcome::kServerError},
  };
  for (const auto& c : cases) EXPECT_EQ(outcome_of(c.status, c.latency, c.deadline), c.outcome) << c.status;
}

// 1 to 1000 ms, of which `unanswered` more got nothing.
ClientReport thousand(uint64_t unanswered) {
  ClientReport client;
  client.options.name = "a<b";
  client.options.model = "m";
  client.options.deadline_ns = 500'000'000;
  client.slices.resize(10);
  for (int64_t ms = 1; ms <= 1000; ++ms) {
    client.answered.record(ms * 1'000'000);
    client.behind.record(1000);
    client.slices[static_cast<size_t>(ms % 10)].answered.record(ms * 1'000'000);
    ++client.slices[static_cast<size_t>(ms % 10)].outcomes[0];
  }
  client.outcomes[static_cast<size_t>(Outcome::kInTime)] = 1000;
  client.outcomes[static_cast<size_t>(Outcome::kRefused)] = unanswered;
  client.examples[static_cast<size_t>(Outcome::kRefused)] = "429: <full>";
  client.requests = 1000 + unanswered;
  return client;
}

Report report_of(ClientReport client) {
  Report report;
  report.url = "http://h:1";
  report.duration_ns = 10'000'000'000;
  report.slice_ns = 1'000'000'000;
  report.clients.push_back(std::move(client));
  return report;
}

TEST(Report, Quantiles) {
  const ClientReport client = thousand(0);
  const Quantile median = quantile(client.answered, 0.5);
  EXPECT_NEAR(static_cast<double>(median.value), 500e6, 2e6);
  EXPECT_NEAR(static_cast<double>(median.low), 469e6, 3e6);
  EXPECT_NEAR(static_cast<double>(median.high), 532e6, 3e6);
  EXPECT_EQ(quantile(client.answered, 0.999).high, Quantile::kUnknown);
  EXPECT_EQ(quantile(LogHistogram(), 0.5).value, Quantile::kUnknown);
}

TEST(Report, AnUnansweredRequestTookForEver) {
  const ClientReport client = thousand(20);
  EXPECT_EQ(quantile_of_all(client.answered, client.requests, 0.99).value, Quantile::kNever);
  EXPECT_EQ(quantile_of_all(client.answered, client.requests, 0.98).high, Quantile::kNever);
  EXPECT_NE(quantile_of_all(client.answered, client.requests, 0.9).value, Quantile::kNever);
  EXPECT_NE(quantile(client.answered, 0.99).value, Quantile::kNever);
}

TEST(Report, RatesAndTotals) {
  Report report = report_of(thousand(250));
  report.clients.push_back(thousand(0));
  report.clients[0].answered_in_window = 900;
  const Rates rates = rates_of(report, report.clients[0]);
  EXPECT_DOUBLE_EQ(rates.offered, 125);
  EXPECT_DOUBLE_EQ(rates.achieved, 90);
  EXPECT_DOUBLE_EQ(rates.goodput, 100);
  EXPECT_DOUBLE_EQ(rates.attainment, 0.8);
  const ClientReport total = report.total();
  EXPECT_EQ(total.requests, 2250u);
  EXPECT_EQ(total.count(Outcome::kInTime), 2000u);
  EXPECT_EQ(total.answered.count(), 2000u);
  EXPECT_EQ(total.slices.size(), 10u);
  EXPECT_EQ(total.slices[3].outcomes[0], 200u);
}

TEST(Report, WarnsOfWhatSpoilsIt) {
  Report report = report_of(thousand(0));
  EXPECT_TRUE(warnings(report).empty());
  report.cpu_share = 0.95;
  report.interrupted = true;
  report.clients[0].delayed = 100;
  for (int i = 0; i < 100; ++i) report.clients[0].behind.record(200'000'000);
  const auto sentences = warnings(report);
  ASSERT_EQ(sentences.size(), 4u);
  EXPECT_NE(sentences[1].find("95.0 % of a CPU"), std::string::npos);
  EXPECT_NE(sentences[2].find("the generator itself was up to"), std::string::npos);
  EXPECT_NE(sentences[3].find("waited for one of the 512 connections"), std::string::npos);
}

void expect_only_numbers(const std::string& page) {
  for (const char* before : {" ", "\"", "-", ">", "M", "L", "V", "H"})
    for (const char* bad : {"nan", "inf"}) EXPECT_EQ(page.find(std::string(before) + bad), std::string::npos) << before << bad;
}

TEST(Html, StandsAlone) {
  const std::string page = html_page(report_of(thousand(3)));
  for (const char* outside : {"<script", "src=", "href=", "@import", "url("})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  EXPECT_EQ(page.find("a<b"), std::string::npos);
  EXPECT_NE(page.find("a&lt;b"), std::string::npos);
  EXPECT_NE(page.find("429: &lt;full&gt;"), std::string::npos);
  size_t plots = 0;
  for (size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) ++plots;
  EXPECT_EQ(plots, 4u);
  expect_only_numbers(page);
}

TEST(Html, ARunWithoutAnswersHasAPageToo) {
  ClientReport client;
  client.options.name = "none";
  client.slices.resize(3);
  const std::string page = html_page(report_of(std::move(client)));
  expect_only_numbers(page);
  EXPECT_NE(page.find("</html>"), std::string::npos);
}

}  // namespace
}  // namespace tercel::load
