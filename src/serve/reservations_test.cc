#include "serve/reservations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/clock.h"
#include "registry/testing_repository.h"
#include "serve/server.h"
#include "serve/testing_models.h"

namespace tercel::serve {
namespace {

using testing::HasSubstr;

constexpr int64_t kMs = 1'000'000, kSecond = 1'000 * kMs;

Result<registry::OpenedModel> open_by_name(const std::string& directory, const registry::ModelSettings&) {
  const std::string name = std::filesystem::path(directory).parent_path().filename();
  EchoBehaviour behaviour;
  if (name == "wide") behaviour.rows_max = 8;
  if (name == "shapes") behaviour.inputs = {{"x0", DType::kFloat32, {-1, 4}}, {"text", DType::kInt64, {1, -1}}};
  return echo_model(behaviour, 2, name == "unknown" ? 0 : kMs);
}

// One compute thread, models of 1 ms. Times are given to what is tested; nothing here waits.
struct Fixture {
  Fixture() {
    for (const auto model : {"m", "wide", "shapes", "unknown", "soft"})
      repository.write(std::string(model) + "/1/model.plan", "");
    repository.write("soft/model.toml", "[deadline]\nclasses = ['soft']\n");
    repository.write("m/model.toml", "[deadline]\nmax_us = 50_000\n");
    server = Server::open(repository.path(), open_by_name, {.threads = 1}).take();
  }
  Result<std::shared_ptr<Reservation>> reserve(const std::string& model, const ReservationWish& wish, int64_t now = 0) {
    test = {};
    return server->reserve(model, std::nullopt, wish, now, test);
  }
  std::string refusal(const std::string& model, const ReservationWish& wish) {
    const auto made = reserve(model, wish);
    return made.ok() ? "" : made.error().message();
  }
  Reservations& all() { return server->reservations(); }

  registry::TestingRepository repository;
  std::unique_ptr<Server> server;
  sched::ReservationTest test;
};

constexpr ReservationWish kWish{.period_us = 20'000, .deadline_us = 20'000};

request::InferRequest request_of(int64_t rows) {
  request::InferRequest request;
  request.inputs = {{{DType::kFloat32, {Dim(rows), Dim(4)}}, nullptr}};
  return request;
}

TEST(Reservations, SayWhatIsCounted) {
  Fixture f;
  const auto made = f.reserve("m", kWish);
  ASSERT_TRUE(made.ok()) << made.error().message();
  const Reservation& r = **made;
  EXPECT_EQ(r.served->version->model, "m");
  EXPECT_EQ(r.terms().deadline_us, 20'000);
  EXPECT_EQ(r.transit_ns, kMs) << "an eighth of 20 ms is more than a millisecond";
  EXPECT_EQ(r.margin, 0.1);
  EXPECT_EQ(r.test.cost_ns, 1'210'000) << "1 ms measured, 0.1 ms to hand it over, a tenth on top";
  EXPECT_GE(r.test.blocking_ns, kMs) << "other models run to their ends";
  EXPECT_EQ((*f.reserve("m", {.period_us = 8000, .deadline_us = 6400}))->transit_ns, 800'000) << "an eighth";
  EXPECT_NE(r.id, (*f.reserve("m", kWish))->id);
}

TEST(Reservations, RefuseWhatDoesNotFitAndSayByHowMuch) {
  Fixture f;
  EXPECT_THAT(f.refusal("m", {.period_us = 1100, .deadline_us = 20'000}), HasSubstr("us too much"));
  EXPECT_FALSE(f.test.verdict.fits);
  EXPECT_GT(f.test.verdict.excess_ns(), 0);
  EXPECT_EQ(f.test.cost_ns, 1'210'000);
  EXPECT_THAT(f.refusal("m", {.period_us = 20'000, .deadline_us = 1500}), HasSubstr("does not fit"));
  // As many as fit, and not one more; what is released makes room again.
  std::vector<std::shared_ptr<Reservation>> taken;
  for (;;) {
    auto made = f.reserve("m", kWish);
    if (!made.ok()) break;
    taken.push_back(made.take());
    ASSERT_LT(taken.size(), 20u);
  }
  EXPECT_GE(taken.size(), 5u) << "requests of 1.2 ms every 20 ms";
  const auto id = taken.back()->id;
  ASSERT_TRUE(f.all().release(id, 0).ok());
  EXPECT_FALSE(f.reserve("m", kWish).ok()) << "a request may be under way as long as somebody holds it";
  taken.pop_back();
  EXPECT_TRUE(f.reserve("m", kWish).ok());
  EXPECT_EQ(f.all().release(id, 0).error().code(), ErrorCode::kNotFound);
}

TEST(Reservations, RefuseModelsOfWhichNoWorstCaseIsKnown) {
  Fixture f;
  struct Case {
    const char* model;
    ReservationWish wish;
    const char* says;
  };
  const Case cases[] = {
      {"none", kWish, "no model 'none'"},
      {"unknown", kWish, "no worst case is known"},
      {"shapes", kWish, "input 'text' of model 'shapes' varies in more than its rows"},
      {"soft", kWish, "does not grant the class guaranteed"},
      {"m", {.period_us = 60'000, .deadline_us = 50'001}, "longer than model 'm' grants, 50000 us"},
      {"m", {.period_us = 20'000, .deadline_us = 20'000, .rows = 2}, "a batch of model 'm' has at most 1"},
      {"wide", {.period_us = 20'000, .deadline_us = 20'000, .rows = 9}, "at most 8"},
      {"m", {.period_us = 20'000, .deadline_us = 20'000, .jitter_us = 19'500}, "jitter must be shorter"},
  };
  for (const auto& c : cases) EXPECT_THAT(f.refusal(c.model, c.wish), HasSubstr(c.says)) << c.model;
  EXPECT_TRUE(f.all().list(0).empty());
}

TEST(Reservations, ALeaseRunsOutInSilence) {
  Fixture f;
  ReservationWish wish = kWish;
  wish.lease_s = 2;
  const auto id = (*f.reserve("m", wish))->id, other = (*f.reserve("m", kWish))->id;
  EXPECT_EQ((*f.all().find(id, kSecond))->left_ns(2 * kSecond), kSecond) << "a request or a renewal begins it anew";
  f.all().expire(3 * kSecond - 1);
  EXPECT_EQ(f.all().list(3 * kSecond - 1).size(), 2u);
  const auto late = f.all().find(id, 3 * kSecond);
  ASSERT_FALSE(late.ok()) << "whether or not somebody has looked";
  EXPECT_THAT(late.error().message(), HasSubstr(request::reservation_id_text(id) + ": it was released, its lease ran out"));
  EXPECT_EQ(f.all().release(id, 3 * kSecond).error().code(), ErrorCode::kNotFound);
  const auto left = f.all().list(3 * kSecond);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0]->id, other);
}

TEST(Reservations, CapacityOfASilentClientGoesToTheNext) {
  Fixture f;
  const ReservationWish most{.period_us = 20'000, .deadline_us = 20'000, .lease_s = 1};
  while (f.reserve("m", most, 0).ok()) {}
  EXPECT_TRUE(f.reserve("m", most, kSecond).ok()) << "looked at when the next one asks";
}

TEST(Reservations, GoWithTheirModel) {
  Fixture f;
  const auto id = (*f.reserve("m", kWish))->id;
  const auto other = (*f.reserve("wide", kWish))->id;
  ASSERT_TRUE(f.server->unload("m").ok());
  EXPECT_EQ(f.all().find(id, 0).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(f.all().find(other, 0).ok());
  ASSERT_TRUE(f.server->load("m").ok());
  // A request that is under way keeps the version until it is over.
  auto held = f.reserve("m", kWish).take();
  ASSERT_TRUE(f.server->unload("m").ok());
  EXPECT_EQ(held->served->version->model, "m");
  held.reset();
  EXPECT_EQ(f.reserve("m", kWish).error().code(), ErrorCode::kUnavailable);
}

TEST(Reservations, TakeTheRowsThatWereCounted) {
  Fixture f;
  ReservationWish wish = kWish;
  wish.rows = 4;
  const auto made = f.reserve("wide", wish).take();
  EXPECT_TRUE(made->accepts(request_of(4)).ok());
  EXPECT_TRUE(made->accepts(request_of(1)).ok());
  const auto more = made->accepts(request_of(5));
  ASSERT_FALSE(more.ok());
  EXPECT_THAT(more.error().message(), HasSubstr("5 rows, and 4 are reserved"));
  EXPECT_FALSE((*f.reserve("m", kWish))->accepts(request_of(2)).ok()) << "a model that does not batch, too";
}

TEST(Reservations, CountHowRequestsEnded) {
  Fixture f;
  const auto made = f.reserve("m", kWish).take();
  const uint32_t stream = made->terms().stream;
  const auto record = [&](Outcome outcome, request::Class c) { made->record(outcome, {c, 0, 0, stream}); };
  record(Outcome::kOk, request::Class::kGuaranteed);
  record(Outcome::kOk, request::Class::kGuaranteed);
  record(Outcome::kDeadlineMissed, request::Class::kGuaranteed);
  record(Outcome::kOk, request::Class::kHard);
  record(Outcome::kRejectedAdmission, request::Class::kHard);
  record(Outcome::kInvalid, request::Class::kGuaranteed);
  record(Outcome::kCancelled, request::Class::kGuaranteed);
  made->record(Outcome::kOk, {});  // never came so far as to be one of the stream
  EXPECT_EQ(made->served_in_time(), 2u);
  EXPECT_EQ(made->policed(), 2u);
  EXPECT_EQ(made->missed(), 1u);
}

// Ids stand in headers and paths: what is written is read, and nothing else.
TEST(ReservationId, IsSixteenLowerCaseDigits) {
  for (const uint64_t id : {uint64_t{0}, uint64_t{0xfedcba9876543210}, ~uint64_t{0}})
    EXPECT_EQ(request::reservation_id_of(request::reservation_id_text(id)), id);
  EXPECT_EQ(request::reservation_id_text(255), "00000000000000ff");
  for (const auto text :
       {"", "ff", "00000000000000FF", "00000000000000f ", "+0000000000000ff", "000000000000000ff", "0x000000000000ff"})
    EXPECT_EQ(request::reservation_id_of(text), std::nullopt) << text;
}

// Requests and renewals beside reserving, releasing and running out: for the thread sanitizer, and for broken invariants.
TEST(Reservations, ManyThreads) {
  Fixture f;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&f, t] {
      for (int i = 0; i < 200; ++i) {
        sched::ReservationTest test;
        const auto made = f.server->reserve("m", std::nullopt, kWish, i * kMs, test);
        for (const auto& each : f.all().list(i * kMs)) (void)f.all().find(each->id, i * kMs);
        if (made.ok() && (i + t) % 2 == 0) (void)f.all().release((*made)->id, i * kMs);
        if (i % 50 == 49) f.all().expire(i * kMs + 61 * kSecond);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  f.all().expire(1000 * kSecond);
  EXPECT_TRUE(f.all().list(0).empty());
}

}  // namespace
}  // namespace tercel::serve
