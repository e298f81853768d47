#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "observe/trace/tracer.h"
#include "transport/http/testing_server.h"

// Counts the allocations of the whole test program.
namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

void* operator new(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(bytes > 0 ? bytes : 1);
  if (!memory) std::abort();
  return memory;
}
// Not inlined: the compiler would see new's memory go to free() and warn.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace tercel::transport::http {
namespace {

// Sends prepared bytes and reads an answer of a known size, without allocating.
bool exchange(int socket, std::string_view request, char* answer, size_t answer_bytes) {
  if (::send(socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return false;
  return ::recv(socket, answer, answer_bytes, MSG_WAITALL) == static_cast<ssize_t>(answer_bytes);
}

struct Case {
  const char* model;
  std::string body, header;
};

// Both ways of computing, with binary tensors and with JSON.
std::vector<Case> cases(const std::string& reservation) {
  const std::string binary_json =
      R"({"inputs":[{"name":"x0","shape":[1,4],"datatype":"FP32","parameters":{"binary_data_size":16}}],)"
      R"("parameters":{"binary_data_output":true}})";
  const std::string body = binary_json + std::string(16, '\0');
  const std::string header = "Inference-Header-Content-Length: " + std::to_string(binary_json.size()) + "\r\n";
  return {{"echo", body, header},
          {"queued", body, header},
          {"echo", echo_json(), ""},
          {"queued", body, "x-tercel-deadline-us: 60000000\r\nx-tercel-class: soft\r\n" + header},
          {"echo", body, "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n" + header},
          {"steady", body, "x-tercel-reservation: " + reservation + "\r\n" + header}};
}

void expect_none(TestingServer& server) {
  // So much jitter that every request is inside the contract.
  const auto reserved = TestingClient(server.port())
                            .post("/v2/reservations", R"({"model":"steady","period_us":4000,"deadline_us":60000000,)"
                                                      R"("jitter_us":10000000})");
  ASSERT_EQ(reserved.status, 201) << reserved.body;
  for (const auto& c : cases(reserved.body.substr(reserved.body.find(':') + 2, 16))) {
    TestingClient client(server.port());
    const std::string request = std::string("POST /v2/models/") + c.model +
                                "/infer HTTP/1.1\r\nHost: h\r\nx-tercel-timing: 0\r\n" + c.header +
                                "Content-Length: " + std::to_string(c.body.size()) + "\r\n\r\n" + c.body;
    const auto reply = client.ask(request);
    ASSERT_EQ(reply.status, 200) << reply.body;
    const size_t answer_bytes = reply.head.size() + 2 + reply.body.size();
    char answer[4096];
    ASSERT_LE(answer_bytes, sizeof answer);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(exchange(client.socket(), request, answer, answer_bytes));
    const int64_t before = allocations.load();
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(exchange(client.socket(), request, answer, answer_bytes));
    EXPECT_EQ(allocations.load() - before, 0) << c.model << " " << c.header;
  }
}

TEST(Allocations, AWarmInferenceMakesNone) {
  TestingServer server;
  expect_none(server);
}

// Its spans wait, and nobody sends them meanwhile: sending allocates, on its own thread.
TEST(Allocations, ATracedInferenceMakesNone) {
  observe::trace::Options options;
  options.collector = observe::trace::parse_collector("http://127.0.0.1:1/v1/traces").take();
  options.queue_max = options.batch_max = 8192;
  options.delay = std::chrono::hours(1);
  observe::trace::Tracer tracer(options);
  TestingServer server(HttpOptions{.tracer = &tracer});
  expect_none(server);
  EXPECT_EQ(tracer.spans_dropped_full(), 0u);
}

}  // namespace
}  // namespace tercel::transport::http
