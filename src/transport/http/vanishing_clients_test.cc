#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transport/http/testing_server.h"

namespace tercel::transport::http {
namespace {

using serve::Outcome;

enum class Goodbye : uint8_t { kEnd, kReset };

// A server with one client that behaves, before whose eyes others vanish.
class Vanishing : public testing::TestWithParam<Goodbye> {
 protected:
  Vanishing() {
    EXPECT_EQ(witness_.post("/v2/models/queued/infer", echo_json(7), "x-tercel-deadline-us: 10000000\r\n").status, 200);
    memory_left_ = server_.http().memory_left();  // what the witness holds while it is here is not for others
  }

  // All that came were let in, and are gone.
  void expect_only_the_witness() {
    const auto& counters = server_.http().counters();
    EXPECT_TRUE(eventually(
        [&] { return counters.connections_accepted.value() == clients_ + 1 && counters.connections_open.load() == 1; }));
  }
  // Whatever a client left behind is gone: nothing waits or is computed for it, no connection and no memory is held.
  void expect_nothing_is_left() {
    expect_only_the_witness();
    for (const auto name : {"echo", "queued", "long"}) {
      const auto model = server_.model(name);
      EXPECT_TRUE(eventually([&] { return model->load().queued + model->load().computing == 0; })) << name;
    }
    const auto reply = witness_.post("/v2/models/queued/infer", echo_json(7), "x-tercel-deadline-us: 10000000\r\n");
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_THAT(reply.body, testing::HasSubstr("[7,2,3,4]"));
    EXPECT_TRUE(eventually([&] { return server_.http().memory_left() >= memory_left_; }))
        << server_.http().memory_left() << " of " << memory_left_;
  }

  void vanish_after(std::string_view bytes) {
    TestingClient client(server_.port());
    client.send(bytes);
    leave(client);
  }
  void leave(TestingClient& client) {
    ++clients_;
    if (GetParam() == Goodbye::kReset) client.reset_in_the_end();
  }
  uint64_t cancelled(const std::string& model) { return server_.model(model)->statistics.count(Outcome::kCancelled); }
  // Sends all of an inference of the model `long`, and waits until as many compute and wait.
  void begin_long(TestingClient& client, uint32_t computing, uint32_t queued) {
    client.send(infer_bytes("long", echo_json()));
    const auto model = server_.model("long");
    ASSERT_TRUE(eventually([&] { return model->load().computing == computing && model->load().queued == queued; }));
  }

  TestingServer server_;
  TestingClient witness_{server_.port()};
  int64_t memory_left_ = 0;
  uint64_t clients_ = 0;  // that have come and gone
};

TEST_P(Vanishing, BeforeTheRequestIsComplete) {
  const std::string json = echo_json(), whole = infer_bytes("echo", json);
  vanish_after("");
  vanish_after("GET /v2 HT");
  vanish_after(whole.substr(0, whole.size() - json.size() - 1));
  expect_only_the_witness();
  EXPECT_EQ(cancelled("echo"), 0u) << "no model was known yet";
  vanish_after(whole.substr(0, whole.size() - json.size()));
  vanish_after(whole.substr(0, whole.size() - 1));
  vanish_after("POST /v2/models/none/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{");
  vanish_after("POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n" + std::string(300'000, 'x'));
  expect_nothing_is_left();
  EXPECT_EQ(cancelled("echo"), 3u);
}

TEST_P(Vanishing, WhileItsRequestWaitsOrIsComputed) {
  {
    TestingClient computed(server_.port());
    begin_long(computed, 1, 0);
    {
      TestingClient waits(server_.port());
      begin_long(waits, 1, 1);
      leave(waits);
    }
    EXPECT_TRUE(eventually([&] { return server_.model("long")->load().queued == 0; }));
    EXPECT_EQ(server_.model("long")->load().computing, 1u) << "its client is still there";
    leave(computed);
  }
  expect_nothing_is_left();  // which takes 30 s where it is not cancelled
  EXPECT_EQ(cancelled("long"), 2u);
}

// Bytes behind the request that is computed are nobody's yet: they hide that no more will come.
TEST_P(Vanishing, WithAnotherRequestBehindTheOneThatIsComputed) {
  {
    TestingClient client(server_.port());
    begin_long(client, 1, 0);
    client.send(infer_bytes("long", echo_json()));
    leave(client);
  }
  expect_nothing_is_left();
  EXPECT_EQ(cancelled("long"), 1u) << "the second one was never begun";
}

TEST_P(Vanishing, InTheMiddleOfItsAnswer) {
  constexpr size_t kRows = 1 << 20;  // 16 MiB: more than the sockets hold
  const std::string json = R"({"inputs":[{"name":"x0","shape":[)" + std::to_string(kRows) +
                           R"(,4],"datatype":"FP32","parameters":{"binary_data_size":)" + std::to_string(kRows * 16) +
                           R"(}}],"parameters":{"binary_data_output":true}})";
  {
    TestingClient client(server_.port());
    client.send(
        "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nInference-Header-Content-Length: " + std::to_string(json.size()) +
        "\r\nContent-Length: " + std::to_string(json.size() + kRows * 16) + "\r\n\r\n" + json);
    client.send(std::string(kRows * 16, '\0'));
    char first = 0;
    ASSERT_EQ(::recv(client.socket(), &first, 1, 0), 1);
    leave(client);
  }
  expect_nothing_is_left();
  EXPECT_EQ(cancelled("echo"), 1u);
  EXPECT_EQ(server_.model("echo")->statistics.answers(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Clients, Vanishing, testing::Values(Goodbye::kEnd, Goodbye::kReset),
                         [](const auto& info) { return info.param == Goodbye::kEnd ? "End" : "Reset"; });

}  // namespace
}  // namespace tercel::transport::http
