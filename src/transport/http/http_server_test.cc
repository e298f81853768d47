#include "transport/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "transport/http/testing_server.h"

namespace tercel::transport::http {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string bytes_of(std::initializer_list<auto> values) {
  std::string bytes;
  for (const auto v : values) bytes.append(reinterpret_cast<const char*>(&v), sizeof v);
  return bytes;
}

TEST(HttpServer, DescribesItselfAndItsModels) {
  TestingServer server;
  TestingClient client(server.port());
  struct Case {
    const char* path;
    int status;
    const char* body;
  };
  const Case cases[] = {
      {"/v2/health/live", 200, ""},
      {"/v2/health/ready", 200, ""},
      {"/livez", 200, ""},
      {"/readyz", 200, ""},
      {"/v2", 200, R"("extensions":["binary_tensor_data",)"},
      {"/v2/models/pair", 200,
       R"({"name":"pair","versions":["1"],"platform":"tercel_plan","inputs":[{"name":"x0","datatype":"FP32","shape":[-1,4]},)"
       R"({"name":"x1","datatype":"INT64","shape":[-1]}],"outputs":[{"name":"y0",)"},
      {"/v2/models/versions", 200, R"("versions":["1","3"])"},
      {"/v2/models/versions/versions/3/ready", 200, ""},
      {"/v2/models/pair/config", 200, R"("max_batch_size":0,"input":[{"name":"x0","data_type":"TYPE_FP32","dims":[-1,4]})"},
      {"/v2/models/pair/stats", 200, R"({"model_stats":[{"name":"pair","version":"1","last_inference":0,"inference_count":0)"},
      {"/v2/models/stats", 200, R"("name":"echo")"},
      {"/v2/models/versions/versions/2", 404, R"({"error":"model 'versions' has no version 2"})"},
      {"/v2/models/none/ready", 404, "no model 'none'"},
      {"/v2/models/broken", 503, "model 'broken' is not ready: the plan is truncated"},
      {"/v2/models/broken/ready", 503, "the plan is truncated"},
      {"/metrics", 200, "tercel_model_ready{model=\"broken\",version=\"1\"} 0\n"},
      {"/nothing", 404, R"({"error":"no such path)"},
  };
  for (const auto& c : cases) {
    const auto reply = client.get(c.path);
    EXPECT_EQ(reply.status, c.status) << c.path;
    EXPECT_THAT(reply.body, HasSubstr(c.body)) << c.path;
  }
  EXPECT_THAT(client.post("/v2/repository/index", "").body,
              HasSubstr(R"({"name":"broken","version":"1","state":"UNAVAILABLE","reason":"the plan)"));
  EXPECT_THAT(client.post("/v2/repository/index", R"({"ready":true})").body, Not(HasSubstr("broken")));
  EXPECT_EQ(client.post("/v2/repository/index", "{").status, 400);
  EXPECT_EQ(client.post("/v2/repository/models/echo/load", "").status, 400);
}

TEST(HttpServer, InfersWithJson) {
  TestingServer server;
  TestingClient client(server.port());
  for (const auto model : {"echo", "queued", "versions/versions/1"}) {
    const auto reply = client.post(
        std::string("/v2/models/") + model + "/infer",
        R"({"id":"a\"b","inputs":[{"name":"x0","shape":[2,4],"datatype":"FP32","data":[[1,2,3,4],[5.5,1e-9,-0.0,8]]}]})");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("Content-Type"), "application/json");
    EXPECT_EQ(reply.header("Inference-Header-Content-Length"), "");
    EXPECT_THAT(reply.body,
                HasSubstr(R"("model_version":"1","id":"a\"b","outputs":[{"name":"y0","datatype":"FP32","shape":[2,4],)"
                          R"("data":[1,2,3,4,5.5,1e-09,-0,8]}]})"));
  }
  EXPECT_THAT(client.post("/v2/models/versions/infer", echo_json()).body, HasSubstr(R"("model_version":"3")"));
}

TEST(HttpServer, InfersWithBinaryTensorsInTheOrderAskedFor) {
  TestingServer server;
  TestingClient client(server.port());
  const std::string json =
      R"({"inputs":[{"name":"x1","shape":[2],"datatype":"INT64","parameters":{"binary_data_size":16}},)"
      R"({"name":"x0","shape":[1,4],"datatype":"FP32","parameters":{"binary_data_size":16}}],)"
      R"("outputs":[{"name":"y1","parameters":{"binary_data":true}},{"name":"y0","parameters":{"binary_data":true}}]})";
  const std::string binary = bytes_of({int64_t{7}, int64_t{-8}}) + bytes_of({1.0f, 2.0f, 3.0f, 4.5f});
  for (int i = 0; i < 3; ++i) {
    const auto reply = client.post("/v2/models/pair/infer", json + binary,
                                   "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n");
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.header("Content-Type"), "application/octet-stream");
    const size_t header = std::stoul(reply.header("Inference-Header-Content-Length"));
    EXPECT_EQ(reply.body.substr(header), binary);
    EXPECT_THAT(reply.body,
                HasSubstr(R"([{"name":"y1","datatype":"INT64","shape":[2],"parameters":{"binary_data_size":16}},{"name":"y0",)"));
  }
  const auto raw = client.post("/v2/models/half/infer", "abcdef", "Inference-Header-Content-Length: 0\r\n");
  EXPECT_EQ(raw.status, 200);
  EXPECT_THAT(raw.body, HasSubstr(R"("shape":[3],"parameters":{"binary_data_size":6}}]}abcdef)"));
}

TEST(HttpServer, RefusesWithTheRightStatusAndASentence) {
  HttpOptions options;
  options.limits.body_bytes = 1000;
  TestingServer server(options);
  const std::string infer = "/v2/models/echo/infer", host = " HTTP/1.1\r\nHost: h\r\n";
  struct Case {
    std::string bytes;
    int status;
    const char* says;
    bool stays_open;
  };
  const Case cases[] = {
      {"GET " + infer + host + "\r\n", 405, "this path takes POST", true},
      {"POST /v2" + host + "\r\n", 405, "this path takes GET", true},
      {"PUT /v2" + host + "\r\n", 405, "GET", true},
      {"POST " + infer + host + "Content-Length: 2\r\n\r\n{}", 400, "the request has no inputs", true},
      {"POST " + infer + host + "Content-Length: 3\r\n\r\n{\"a", 400, "not valid JSON", true},
      {"POST " + infer + host + "\r\n", 400, "the body is empty", true},
      {"POST " + infer + host + "Inference-Header-Content-Length: 9\r\nContent-Length: 2\r\n\r\n{}", 400, "has only 2 bytes",
       true},
      {"POST /v2/models/none/infer" + host + "Content-Length: 900\r\n\r\n" + std::string(900, 'x'), 404, "no model 'none'", true},
      {"POST /v2/models/broken/infer" + host + "Content-Length: 2\r\n\r\n{}", 503, "truncated", true},
      {"POST " + infer + host + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415, "without Content-Encoding", true},
      {"POST " + infer + host + "Content-Length: 1001\r\n\r\n", 413, "larger than the limit of 1000 bytes", false},
      {"POST " + infer + host + "Content-Length: 18446744073709551615\r\n\r\n", 413, "limit", false},
      {"POST " + infer + host + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411, "send Content-Length", false},
      {"GET /v2 HTTP/1.1\r\n\r\n", 400, "Host", false},
      {"GET /v2 HTTP/3.0\r\nHost: h\r\n\r\n", 505, "HTTP/1.1", false},
      {"GET /v2" + host + "X: " + std::string(40000, 'x') + "\r\n\r\n", 431, "larger than 32768 bytes", false},
      {"\x16\x03\x01\x02" + std::string(100, '\0') + "\r\n\r\n", 400, "", false},
  };
  for (const auto& c : cases) {
    TestingClient client(server.port());
    client.send(c.bytes);
    const auto reply = client.receive();
    EXPECT_EQ(reply.status, c.status) << c.bytes.substr(0, 80);
    EXPECT_THAT(reply.body, StartsWith(R"({"error":")")) << c.bytes.substr(0, 80);
    EXPECT_THAT(reply.body, HasSubstr(c.says));
    EXPECT_EQ(reply.header("Connection"), c.stays_open ? "" : "close");
    if (c.stays_open) {
      EXPECT_EQ(client.get("/v2/health/live").status, 200) << c.bytes.substr(0, 80);
    } else {
      EXPECT_TRUE(client.is_closed());
    }
  }
  TestingClient client(server.port());
  EXPECT_EQ(client.post("/v2/models/failing/infer", echo_json()).status, 500);
  EXPECT_EQ(client.get("/v2").header("Allow"), "");
  EXPECT_EQ(client.get(infer).header("Allow"), "POST");
}

TEST(HttpServer, UnderstandsBytesHoweverTheyArrive) {
  TestingServer server;
  const std::string json = echo_json();
  const std::string request =
      "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(json.size()) + "\r\n\r\n" + json;
  TestingClient client(server.port());
  for (const char c : request) ASSERT_TRUE(client.send({&c, 1}));  // one at a time
  EXPECT_EQ(client.receive().status, 200);
  std::string many;  // all at once, past the number that is answered in one turn, of both ways of computing
  for (int i = 0; i < 100; ++i) many += i % 3 == 0 ? "GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n" : request;
  for (int i = 0; i < 5; ++i) {
    std::string later = request;
    later.replace(later.find("echo"), 4, "queued");
    many += "\r\n" + later;
  }
  std::thread sender([&] { client.send(many); });
  for (int i = 0; i < 105; ++i) ASSERT_EQ(client.receive().status, 200) << i;
  sender.join();
  EXPECT_EQ(client.ask("GET /v2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").header("Connection"), "close");
  EXPECT_TRUE(client.is_closed());
  TestingClient old(server.port());
  EXPECT_EQ(old.ask("GET /v2 HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(old.is_closed());
}

TEST(HttpServer, TakesLargeBodiesAndSendsLargeAnswersToSlowReaders) {
  TestingServer server;
  TestingClient client(server.port());
  constexpr size_t kRows = 1 << 20;  // 16 MiB each way
  const std::string json = R"({"inputs":[{"name":"x0","shape":[)" + std::to_string(kRows) +
                           R"(,4],"datatype":"FP32","parameters":{"binary_data_size":)" + std::to_string(kRows * 16) +
                           R"(}}],"parameters":{"binary_data_output":true}})";
  std::string binary(kRows * 16, '\0');
  for (size_t i = 0; i < binary.size(); ++i) binary[i] = static_cast<char>(i * 31 + i / 4096);
  const std::string header = "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n";
  for (int i = 0; i < 2; ++i) {
    client.send("POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\n" + header +
                "Content-Length: " + std::to_string(json.size() + binary.size()) + "\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.receive().status, 100);
    client.send(json + binary);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the answer fills the socket and has to wait
    const auto reply = client.receive();
    ASSERT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.body.substr(std::stoul(reply.header("Inference-Header-Content-Length"))) == binary);
  }
  const auto refused =
      client.ask("POST /v2/models/none/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.header("Connection"), "close");
}

TEST(HttpServer, TellsItsStagesOnDemandAndInTheMetrics) {
  TestingServer server;
  TestingClient client(server.port());
  EXPECT_EQ(client.post("/v2/models/echo/infer", echo_json()).header("Server-Timing"), "");
  const auto timing = client.post("/v2/models/slow/infer", echo_json(), "x-tercel-timing: 1\r\n").header("Server-Timing");
  EXPECT_THAT(timing,
              testing::MatchesRegex("receive;dur=[0-9.e-]+, parse;dur=[0-9.e-]+, queue;dur=[0-9.e-]+, compute;dur=[0-9.]+, "
                                    "serialise;dur=[0-9.e-]+, total;dur=[0-9.]+"));
  EXPECT_GE(std::stod(timing.substr(timing.find("compute;dur=") + 12)), 100.0);
  client.post("/v2/models/echo/infer", "{}");
  const auto metrics = client.get("/metrics").body;
  for (const auto line :
       {"tercel_requests_total{model=\"echo\",version=\"1\",outcome=\"ok\"} 1\n",
        "tercel_requests_total{model=\"echo\",version=\"1\",outcome=\"invalid\"} 1\n",
        "tercel_stage_duration_seconds_bucket{model=\"slow\",version=\"1\",stage=\"compute\",le=\"0.05",
        "tercel_stage_duration_seconds_count{model=\"slow\",version=\"1\",stage=\"send\"} 1\n", "tercel_ready 1\n"}) {
    EXPECT_THAT(metrics, HasSubstr(line));
  }
  EXPECT_THAT(client.get("/v2/models/slow/stats").body, HasSubstr(R"("execution_count":1,"inference_stats":{"success":{"count":1,"ns":)"));
}

TEST(HttpServer, HasTritonsNamesOfMetricsForThoseWhoAsk) {
  const auto has = [](TestingClient& client, const char* path, bool tercel, bool triton) {
    const std::string page = client.get(path).body;
    EXPECT_EQ(page.find("tercel_") != page.npos, tercel) << path;
    EXPECT_EQ(page.find("nv_") != page.npos, triton) << path;
    return page;
  };
  TestingServer server;
  TestingClient client(server.port());
  client.post("/v2/models/echo/infer", echo_json());
  client.post("/v2/models/echo/infer", "{}");
  has(client, "/metrics", true, false);
  has(client, "/metrics?names=tercel", true, false);
  has(client, "/metrics?names=all", true, true);
  const std::string page = has(client, "/metrics?names=triton", false, true);
  EXPECT_THAT(page, HasSubstr("nv_inference_request_success{model=\"echo\",version=\"1\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("nv_inference_request_failure{model=\"echo\",version=\"1\"} 1\n"));
  const auto refused = client.get("/metrics?names=Triton");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("none of tercel, triton and all"));

  TestingServer compatible(HttpOptions{.triton_metrics = true});
  TestingClient old(compatible.port());
  has(old, "/metrics", true, true);
  has(old, "/metrics?names=tercel", true, false);
}

TEST(HttpServer, RefusesWhatTheQueueCannotHold) {
  TestingServer server;
  constexpr int kClients = 4;  // one computes, one waits
  std::atomic<int> answered = 0, refused = 0;
  // On a busy machine the clients may come one by one; a queue that holds more or less never answers just two.
  for (int round = 0; round < 20 && answered != 2; ++round) {
    answered = refused = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < kClients; ++i) {
      threads.emplace_back([&] {
        TestingClient client(server.port());
        const auto reply = client.post("/v2/models/slow/infer", echo_json());
        if (reply.status == 200) ++answered;
        if (reply.status == 429 && reply.header("Retry-After") == "1") ++refused;
      });
    }
    threads.clear();
    EXPECT_EQ(answered + refused, kClients);
    EXPECT_GE(answered, 2);
  }
  EXPECT_EQ(answered, 2);
  EXPECT_EQ(refused, 2);
}

std::string with_parameters(const std::string& parameters) {
  std::string json = echo_json();
  return json.insert(1, R"("parameters":{)" + parameters + "},");
}

TEST(HttpServer, AnswersSayWhatWasLeftOfTheDeadline) {
  TestingServer server;
  TestingClient client(server.port());
  const auto plain = client.post("/v2/models/echo/infer", echo_json());
  EXPECT_EQ(plain.status, 200);
  EXPECT_THAT(plain.body, Not(HasSubstr("slack_us")));
  const auto hard = client.post("/v2/models/echo/infer", with_parameters(R"("deadline_us":10000000)"));
  EXPECT_EQ(hard.status, 200) << hard.body;
  EXPECT_THAT(hard.body, HasSubstr(R"("parameters":{"class":"hard","slack_us":9)"));
  EXPECT_THAT(hard.body, HasSubstr(R"("late":false)"));
  const auto soft = client.post("/v2/models/queued/infer", with_parameters(R"("class":"soft")"), "x-tercel-deadline-us: 1\r\n");
  EXPECT_EQ(soft.status, 200) << soft.body;
  EXPECT_THAT(soft.body, HasSubstr(R"("parameters":{"class":"soft","slack_us":-)"));
  EXPECT_THAT(soft.body, HasSubstr(R"("late":true)"));
  EXPECT_THAT(client.get("/metrics").body, HasSubstr(R"(tercel_requests_total{model="queued",version="1",outcome="late"} 1)"));
}

TEST(HttpServer, AHardDeadlineIsKeptOrRefused) {
  TestingServer server;
  TestingClient client(server.port());
  // Too late before it is computed, and too late afterwards: 100 ms of work.
  for (const auto parameters : {R"("timeout":1)", R"("deadline_us":20000)"}) {
    const auto reply = client.post("/v2/models/slow/infer", with_parameters(parameters));
    EXPECT_EQ(reply.status, 504) << reply.body;
    EXPECT_THAT(reply.body, HasSubstr("deadline passed"));
  }
  EXPECT_EQ(client.post("/v2/models/slow/infer", with_parameters(R"("timeout":0)")).status, 200);
  EXPECT_THAT(client.get("/metrics").body,
              HasSubstr(R"(tercel_requests_total{model="slow",version="1",outcome="deadline_missed"} 2)"));
}

TEST(HttpServer, ALadderSaysWhichVariantAnsweredAndHowAccurateItIs) {
  TestingServer server;
  TestingClient client(server.port());
  const auto ask = [&](const std::string& parameters) {
    return client.post("/v2/models/ladder/infer", with_parameters(parameters));
  };
  EXPECT_THAT(ask("").body, HasSubstr(R"("parameters":{"variant":"accurate","accuracy":0.98})"));
  const auto degraded = ask(R"("deadline_us":15000)");
  EXPECT_EQ(degraded.status, 200) << degraded.body;
  EXPECT_THAT(degraded.body, HasSubstr(R"("late":false,"variant":"fast","accuracy":0.9})"));
  const auto insisting = ask(R"("deadline_us":15000,"min_accuracy":0.95)");
  EXPECT_EQ(insisting.status, 429) << insisting.body;
  const auto impossible = ask(R"("min_accuracy":0.99)");
  EXPECT_EQ(impossible.status, 400);
  EXPECT_EQ(impossible.body, R"({"error":"no variant of the model is as accurate as min_accuracy asks; ask for less"})");

  const std::string metrics = client.get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr(R"(tercel_variant_answers_total{model="ladder",version="1",variant="accurate"} 1)"));
  EXPECT_THAT(metrics, HasSubstr(R"(tercel_variant_answers_total{model="ladder",version="1",variant="fast"} 1)"));
  EXPECT_THAT(metrics, HasSubstr(R"(tercel_requests_total{model="ladder",version="1",outcome="invalid"} 1)"));
  EXPECT_THAT(metrics, Not(HasSubstr(R"(tercel_variant_answers_total{model="echo")")));
  EXPECT_THAT(client.get("/v2/models/ladder/stats").body,
              HasSubstr(R"("variants":[{"name":"accurate","accuracy":0.98,"inference_count":1},{"name":"fast",)"));
  EXPECT_THAT(
      client.get("/v2/models/ladder/config").body,
      HasSubstr(
          R"("parameters":{"variants":{"string_value":"accurate,fast"},"variant.accurate.accuracy":{"string_value":"0.98"},)"
          R"("variant.accurate.p50_us":{"string_value":"20000"},)"));
  EXPECT_THAT(client.get("/v2/models/echo/config").body, HasSubstr(R"("parameters":{}})"));
}

TEST(HttpServer, RemembersWhatMissedItsDeadlineAndWhatWasSlow) {
  TestingServer server;
  TestingClient client(server.port());
  EXPECT_EQ(client.get("/v2/debug/requests").body, R"({"missed":[],"slowest":[]})");
  client.post("/v2/models/slow/infer", with_parameters(R"("deadline_us":20000)"));
  client.post("/v2/models/echo/infer", with_parameters(R"("class":"soft","deadline_us":1)"));
  client.post("/v2/models/echo/infer", echo_json());
  client.post("/v2/models/failing/infer", echo_json());
  client.post("/v2/models/echo/infer", "{}");  // a client's mistake is not kept
  const std::string told = client.get("/v2/debug/requests").body;
  EXPECT_THAT(told, HasSubstr(R"({"missed":[{"model":"failing",)"));
  EXPECT_THAT(told, HasSubstr(R"("outcome":"late","class":"soft","deadline_us":1,)"));
  EXPECT_THAT(told, HasSubstr(R"("outcome":"deadline_missed","class":"hard","deadline_us":20000,)"));
  EXPECT_THAT(told, HasSubstr("the deadline passed while the request was computed; mostly compute: "));
  EXPECT_THAT(told, HasSubstr(R"("slowest":[{"model":"echo",)"));
  const std::string metrics = client.get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr(R"(tercel_deadline_requests_total{model="slow",version="1",class="hard",met="false"} 1)"));
  EXPECT_THAT(metrics, HasSubstr(R"(tercel_deadline_lateness_seconds_count{model="echo",version="1"} 1)"));
}

TEST(HttpServer, DeadlinesThatMakeNoSenseAreRefused) {
  TestingServer server;
  struct Case {
    const char *header, *parameters, *says;
  };
  const Case cases[] = {
      {"x-tercel-deadline-us: 0\r\n", "", "x-tercel-deadline-us is 0"},
      {"x-tercel-deadline-us: -3\r\n", "", "x-tercel-deadline-us is -3"},
      {"x-tercel-deadline-us: 99999999999999999999\r\n", "", "1 to 3600000000"},
      {"x-tercel-deadline-us: 5ms\r\n", "", "not a number of microseconds"},
      {"x-tercel-deadline-us: 5\r\nx-tercel-deadline-us: 6\r\n", "", "given twice"},
      {"x-tercel-class: urgent\r\n", "", "x-tercel-class is none of"},
      {"x-tercel-class: hard\r\n", "", "hard needs a deadline"},
      {"x-tercel-class: soft\r\n", R"("class":"bulk")", "leave one out"},
      {"x-tercel-class: guaranteed\r\n", R"("deadline_us":5)", "needs a reservation"},
      {"", R"("deadline_us":-1)", "deadline_us is -1"},
      {"", R"("deadline_us":"soon")", "deadline_us has the wrong JSON type"},
      {"", R"("deadline_us":1,"deadline_us":2)", "deadline_us is given twice"},
      {"", R"("timeout":1e300)", "timeout"},
      {"", R"("class":"bulk","deadline_us":5)", "bulk has no deadline"},
      {"", R"("class":7)", "class has the wrong JSON type"},
  };
  for (const auto& c : cases) {
    TestingClient client(server.port());  // a head that is refused ends the connection
    const auto reply =
        client.post("/v2/models/echo/infer", *c.parameters ? with_parameters(c.parameters) : echo_json(), c.header);
    EXPECT_EQ(reply.status, 400) << c.header << c.parameters << reply.body;
    EXPECT_THAT(reply.body, HasSubstr(c.says));
  }
}

}  // namespace
}  // namespace tercel::transport::http
