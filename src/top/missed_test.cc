#include "top/missed.h"

#include <gtest/gtest.h>

namespace tercel::top {
namespace {

constexpr const char* kPage = R"({"missed":[
  {"model":"m","version":3,"id":"r1","finished_ms":1700000000123,"outcome":"late","class":"soft","deadline_us":2500,
   "total_ms":12.5,"stages_ms":{"receive":0.5,"queue":9,"compute":3},"reason":"mostly queue: 9 of 12.5 ms"},
  {"model":"n","version":1,"id":"","finished_ms":0,"outcome":"error","class":"bulk","deadline_us":null,"total_ms":1,"stages_ms":{}},
  7,{}],"slowest":[]})";

TEST(Missed, AreRead) {
  const auto missed = parse_missed(kPage, 10);
  ASSERT_TRUE(missed.ok());
  ASSERT_EQ(missed->size(), 4u);
  const Missed& first = missed->front();
  EXPECT_EQ(first.model, "m");
  EXPECT_EQ(first.version, "3");
  EXPECT_EQ(first.id, "r1");
  EXPECT_EQ(first.finished_ms, 1'700'000'000'123);
  EXPECT_EQ(first.outcome, "late");
  EXPECT_EQ(first.request_class, "soft");
  EXPECT_EQ(first.deadline_ms, 2.5);
  EXPECT_EQ(first.total_ms, 12.5);
  EXPECT_EQ(first.stage, "queue");
  EXPECT_EQ(first.stage_ms, 9);
  EXPECT_EQ(first.reason, "mostly queue: 9 of 12.5 ms");
  EXPECT_EQ((*missed)[1].deadline_ms, 0);
  EXPECT_EQ((*missed)[1].stage, "");
  EXPECT_EQ((*missed)[2].model, "");  // no request at all: nothing is known of it
  EXPECT_EQ(parse_missed(kPage, 1)->size(), 1u);
  EXPECT_TRUE(parse_missed(R"({"missed":[]})", 5)->empty());
}

TEST(Missed, AnythingElseIsAnError) {
  for (const char* page : {"", "[]", "{}", R"({"missed":7})", R"({"missed":[)", "\xFF", R"({"error":"no"})"})
    EXPECT_FALSE(parse_missed(page, 5).ok()) << page;
}

}  // namespace
}  // namespace tercel::top
