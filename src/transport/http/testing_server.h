#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "registry/testing_repository.h"
#include "serve/testing_models.h"
#include "transport/http/http_server.h"
#include "transport/http/testing_client.h"

namespace tercel::transport::http {

// A server on a free port with models that need no engine; a model's name says what it does:
//   echo   answers at once on the I/O thread     queued  the same on its own thread      pair   two inputs of two types
//   slow   takes 100 ms, one may wait            failing always fails                    half   FP16
//   broken can't be loaded                       versions has version 1 and 3
//   ladder has two variants: accurate takes 20 ms, fast no time
//   steady takes 1 ms, known beforehand          soft   the same, and grants the class soft alone
//   long   takes 30 s, unless nobody waits       many   takes 0.2 ms, thousands may wait
class TestingServer {
 public:
  explicit TestingServer(HttpOptions options = {}, const serve::ExecutorOptions& executor = {}) {
    for (const auto model :
         {"echo", "queued", "pair", "slow", "failing", "half", "broken", "ladder", "steady", "soft", "long", "many"})
      repository_.write(std::string(model) + "/1/model.plan", "");
    repository_.write("slow/model.toml", "queue_max = 1");
    repository_.write("soft/model.toml", "[deadline]\nclasses = ['soft']");
    repository_.write("many/model.toml", "queue_max = 10000");
    for (const auto version : {"1", "3"}) repository_.write(std::string("versions/") + version + "/model.plan", "");
    repository_.write("versions/model.toml", "versions = 'all'");
    server_ = serve::Server::open(repository_.path(), open_by_name, executor).take();
    options.port = 0;
    http_ = HttpServer::start(*server_, options).take();
  }

  uint16_t port() const { return http_->port(); }
  HttpServer& http() { return *http_; }
  serve::Server& server() { return *server_; }
  std::shared_ptr<serve::Served> model(const std::string& name) { return server_->find(name, {}).take(); }

 private:
  static Result<registry::OpenedModel> open_by_name(const std::string& directory, const registry::ModelSettings& settings) {
    const std::string name = std::filesystem::path(directory).parent_path().filename();
    serve::EchoBehaviour behaviour;
    if (name == "broken") return invalid("the plan is truncated");
    if (name == "ladder")
      return serve::echo_ladder({{"accurate", 0.98f, std::chrono::milliseconds(20), true}, {"fast", 0.9f, {}}}, 1);
    if (name == "slow") behaviour.takes = std::chrono::milliseconds(100);
    if (name == "long") behaviour.takes = std::chrono::seconds(30);
    if (name == "many") behaviour.takes = std::chrono::microseconds(200);
    const bool is_steady = name == "steady" || name == "soft";
    if (is_steady) behaviour.takes = std::chrono::milliseconds(1);
    behaviour.fails = name == "failing";
    if (name == "half") behaviour.inputs = {{"x0", DType::kFloat16, {-1}}};
    if (name == "pair") behaviour.inputs = {{"x0", DType::kFloat32, {-1, 4}}, {"x1", DType::kInt64, {-1}}};
    const bool is_short = behaviour.takes.count() == 0 && name != "queued";
    const int64_t measured_ns = is_steady ? 1'000'000 : is_short ? 1000 : 0;
    return serve::echo_model(behaviour, std::max(settings.instances.count, is_steady ? 3u : 1u), measured_ns);
  }

  registry::TestingRepository repository_;
  std::unique_ptr<serve::Server> server_;
  std::unique_ptr<HttpServer> http_;
};

// Whether it comes to hold within 10 s: a server counts a request when its last byte has left, a client has it by then.
inline bool eventually(const std::function<bool()>& holds) {
  const int64_t end = platform::now_ns() + 10'000'000'000;
  while (!holds()) {
    if (platform::now_ns() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// The bytes of an inference.
inline std::string infer_bytes(const std::string& model, const std::string& json, const std::string& headers = "") {
  return "POST /v2/models/" + model + "/infer HTTP/1.1\r\nHost: h\r\n" + headers +
         "Content-Length: " + std::to_string(json.size()) + "\r\n\r\n" + json;
}

// The JSON of an inference of one row for the models with one FP32 input.
inline std::string echo_json(float first = 1) {
  return R"({"inputs":[{"name":"x0","shape":[1,4],"datatype":"FP32","data":[)" + std::to_string(first) + R"(,2,3,4]}]})";
}

}  // namespace tercel::transport::http
