#include "request/terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tercel::request {
namespace {

using testing::HasSubstr;

constexpr int64_t kArrival = 1'000'000;

Terms settled(const Wish& wish, const TimePolicy& policy = {}) { return settle(wish, policy, kArrival).take(); }
std::string refusal(const Wish& wish, const TimePolicy& policy = {}) {
  const auto terms = settle(wish, policy, kArrival);
  return terms.ok() ? "" : terms.error().message();
}

TEST(Terms, WithoutAWordARequestIsSoftAndHasNoDeadline) {
  EXPECT_EQ(settled({}).request_class, Class::kSoft);
  EXPECT_EQ(settled({}).deadline_ns, kNoDeadline);
  EXPECT_EQ(settled({.timeout_us = 0}).deadline_ns, kNoDeadline);  // what Triton's clients mean by it
}

TEST(Terms, ADeadlineIsHardAndCountsFromTheArrival) {
  for (const Wish& wish : {Wish{.header_us = 20}, {.deadline_us = 20}, {.timeout_us = 20}}) {
    EXPECT_EQ(settled(wish).request_class, Class::kHard);
    EXPECT_EQ(settled(wish).deadline_ns, kArrival + 20'000);
  }
}

TEST(Terms, TheEarliestOfSeveralDeadlinesHolds) {
  EXPECT_EQ(settled({.header_us = 30, .deadline_us = 10, .timeout_us = 20}).deadline_ns, kArrival + 10'000);
  EXPECT_EQ(settled({.header_us = 30, .timeout_us = 0}).deadline_ns, kArrival + 30'000);
}

TEST(Terms, TimesThatAreNoneAreRefused) {
  EXPECT_THAT(refusal({.header_us = 0}), HasSubstr("x-tercel-deadline-us is 0"));
  EXPECT_THAT(refusal({.deadline_us = -5}), HasSubstr("deadline_us is -5"));
  EXPECT_THAT(refusal({.timeout_us = -1}), HasSubstr("timeout is -1"));
  EXPECT_THAT(refusal({.deadline_us = kDeadlineUsMax + 1}), HasSubstr("to 3600000000"));
  EXPECT_THAT(refusal({.header_us = std::numeric_limits<int64_t>::max()}), HasSubstr("1 to 3600000000"));
}

TEST(Terms, TheModelHasDefaultsAndALimit) {
  const TimePolicy policy{.default_us = 50, .max_us = 100, .default_class = Class::kSoft};
  EXPECT_EQ(settled({}, policy).deadline_ns, kArrival + 50'000);
  EXPECT_EQ(settled({}, policy).request_class, Class::kSoft);
  EXPECT_EQ(settled({.header_us = 400}, policy).deadline_ns, kArrival + 100'000);
  EXPECT_EQ(settled({.header_us = 40}, policy).deadline_ns, kArrival + 40'000);
  EXPECT_EQ(settled({.header_class = Class::kHard}, policy).request_class, Class::kHard);
  EXPECT_EQ(settled({.header_class = Class::kBulk}, policy).deadline_ns, kNoDeadline);
}

TEST(Terms, ADefaultClassGivesWayToWhatTheClientSays) {
  const TimePolicy bulk{.default_us = 50, .default_class = Class::kBulk};
  EXPECT_EQ(settled({}, bulk).request_class, Class::kBulk);
  EXPECT_EQ(settled({}, bulk).deadline_ns, kNoDeadline);
  EXPECT_EQ(settled({.header_us = 20}, bulk).request_class, Class::kHard);
  EXPECT_EQ(settled({.header_us = 20}, bulk).deadline_ns, kArrival + 20'000);
  EXPECT_EQ(settled({}, {.default_class = Class::kHard}).request_class, Class::kSoft);
}

TEST(Terms, ADeadlineAloneGivesNoClassThatIsNotGranted) {
  const TimePolicy soft_only{.grants = {false, false, true, true}};
  EXPECT_EQ(settled({.deadline_us = 20}, soft_only).request_class, Class::kSoft);
  EXPECT_EQ(settled({.deadline_us = 20}, soft_only).deadline_ns, kArrival + 20'000);
  EXPECT_THAT(refusal({.deadline_us = 20, .parameter_class = Class::kHard}, soft_only), HasSubstr("hard is not granted"));
}

TEST(Terms, ClassesAreHeldAgainstWhatTheyNeed) {
  EXPECT_THAT(refusal({.header_class = Class::kHard}), HasSubstr("hard needs a deadline"));
  EXPECT_THAT(refusal({.deadline_us = 5, .parameter_class = Class::kBulk}), HasSubstr("bulk has no deadline"));
  EXPECT_THAT(refusal({.header_us = 5, .header_class = Class::kGuaranteed}), HasSubstr("needs a reservation"));
  EXPECT_THAT(refusal({.header_us = 5, .header_class = Class::kSoft, .parameter_class = Class::kHard}), HasSubstr("says soft"));
  EXPECT_EQ(refusal({.header_us = 5, .header_class = Class::kSoft, .parameter_class = Class::kSoft}), "");
  EXPECT_THAT(refusal({.header_class = Class::kBulk}, {.grants = {false, true, true, false}}), HasSubstr("bulk is not granted"));
}

TEST(Terms, AReservationMakesARequestGuaranteed) {
  const ReservedTerms reserved{7, 5000};
  const auto with = [&](const Wish& wish, const TimePolicy& policy = {}) { return settle(wish, policy, kArrival, &reserved); };
  for (const Wish& wish : {Wish{}, Wish{.header_class = Class::kGuaranteed}, Wish{.header_us = 6000}, Wish{.timeout_us = 0}}) {
    const auto terms = with(wish);
    ASSERT_TRUE(terms.ok()) << terms.error().message();
    EXPECT_EQ(terms->request_class, Class::kGuaranteed);
    EXPECT_EQ(terms->deadline_ns, kArrival + 5'000'000) << "a longer one is shortened";
    EXPECT_EQ(terms->stream, 7u);
  }
  EXPECT_EQ(with({.deadline_us = 4000})->deadline_ns, kArrival + 4'000'000);
  EXPECT_THAT(with({.parameter_class = Class::kHard}).error().message(), HasSubstr("its class says hard"));
  EXPECT_THAT(with({.header_us = 0}).error().message(), HasSubstr("x-tercel-deadline-us is 0"));
  EXPECT_THAT(with({}, {.grants = {false, true, true, true}}).error().message(), HasSubstr("guaranteed is not granted"));
  EXPECT_EQ(*named_reservation({}), std::nullopt);
  EXPECT_EQ(*named_reservation({.header_reservation = 3}), 3u);
  EXPECT_EQ(*named_reservation({.header_reservation = 3, .parameter_reservation = 3}), 3u);
  EXPECT_EQ(*named_reservation({.parameter_reservation = 4}), 4u);
  EXPECT_THAT(named_reservation({.header_reservation = 3, .parameter_reservation = 4}).error().message(), HasSubstr("two"));
}

TEST(Terms, NamesAreThoseOfTheProtocol) {
  for (size_t i = 0; i < kClassCount; ++i) EXPECT_EQ(class_of(class_name(static_cast<Class>(i))), static_cast<Class>(i));
  EXPECT_EQ(class_of("Hard"), std::nullopt);
  EXPECT_EQ(class_of(""), std::nullopt);
}

}  // namespace
}  // namespace tercel::request
