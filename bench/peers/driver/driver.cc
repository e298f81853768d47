#include "driver/driver.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/json.h"
#include "driver/memory.h"
#include "driver/pool.h"
#include "platform/clock.h"

namespace tercel::peers {
namespace {

constexpr size_t kRunsMax = 8'000'000;  // of all slices together
constexpr int64_t kWarmUpNs = 5'000'000;
constexpr int kWarmUpRuns = 3;
constexpr size_t kValuesMax = 128;  // of one port that `outputs` prints

struct Setup {
  EngineOptions engine;
  std::vector<Port> inputs, outputs;
  size_t pool_bytes = 64'000'000;
};

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

double microseconds(int64_t ns) { return static_cast<double>(ns) * 1e-3; }

Result<std::pair<std::string, int64_t>> parse_dimension(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos) return invalid("--dimension " + text + ": want NAME=EXTENT");
  return std::pair(text.substr(0, equals), int64_t{std::atoll(text.c_str() + equals + 1)});
}

Result<void> read_option(Setup& setup, const std::string& name, const std::string& value) {
  if (name == "--threads") setup.engine.threads = std::atoi(value.c_str());
  else if (name == "--pool-bytes") setup.pool_bytes = std::strtoull(value.c_str(), nullptr, 10);
  else if (name == "--spin") setup.engine.spin = value == "1";
  else if (name == "--pin") setup.engine.pin = value == "1";
  else if (name == "--library") setup.engine.library = value;
  else if (name == "--prepared") setup.engine.prepared = value;
  else if (name == "--dimension") setup.engine.dimensions.push_back(TRY(parse_dimension(value)));
  else if (name == "--input") setup.inputs.push_back(TRY(parse_port(value)));
  else if (name == "--output") setup.outputs.push_back(TRY(parse_port(value)));
  else return invalid("unknown option " + name);
  return {};
}

Result<Setup> read_options(int argc, char** argv) {
  if (argc < 2 || argc % 2 != 0) return invalid("usage: PROGRAM MODEL [--OPTION VALUE]... (see driver/driver.h)");
  Setup setup;
  setup.engine.model = argv[1];
  for (int i = 2; i < argc; i += 2) TRY(read_option(setup, argv[i], argv[i + 1]));
  if (setup.engine.threads < 1) return invalid("--threads must be at least 1");
  if (setup.pool_bytes > size_t{1} << 32) return too_large("--pool-bytes is over 4 GiB");
  if (setup.outputs.empty()) return invalid("no --output");
  return setup;
}

double value_at(const Port& port, size_t i) {
  if (port.dtype == DType::kFloat32) return double{static_cast<const float*>(port.data.get())[i]};
  return static_cast<double>(static_cast<const int64_t*>(port.data.get())[i]);
}

void write_values(JsonWriter& json, std::span<const Port> ports) {
  json.begin_object();
  for (const Port& port : ports) {
    double squares = 0;
    for (size_t i = 0; i < port.elements; ++i) squares += value_at(port, i) * value_at(port, i);
    json.key(port.name).begin_object().field("norm", std::sqrt(squares)).key("values").begin_array();
    for (size_t i = 0; i < std::min(kValuesMax, port.elements); ++i) json.value(value_at(port, i));
    json.end_array().end_object();
  }
  json.end_object();
}

class Driver {
 public:
  Driver(Engine& engine, Setup setup) : engine_(engine), setup_(std::move(setup)), pool_(setup_.inputs, setup_.pool_bytes) {}

  Result<void> open() {
    TRY(engine_.load(setup_.engine));
    std::string line;
    JsonWriter json(line);
    json.begin_object()
        .field("engine", engine_.name())
        .field("version", engine_.version())
        .field("isa", engine_.isa())
        .key("idle");
    write_memory(json);
    pool_.next();
    const int64_t start = platform::now_ns();
    TRY(engine_.open(setup_.engine, setup_.inputs, setup_.outputs));
    const int64_t opened = platform::now_ns();
    TRY(engine_.run());
    const int64_t ran = platform::now_ns();
    json.field("open_us", microseconds(opened - start)).field("first_run_us", microseconds(ran - opened)).end_object();
    say(line);
    return {};
  }

  Result<void> obey(const std::string& command) {
    std::istringstream words(command);
    std::string verb, path, line;
    double seconds = 0;
    size_t runs = 0;
    words >> verb;
    JsonWriter json(line);
    if (verb == "slice" && words >> seconds >> runs) TRY(slice(seconds, runs, json));
    else if (verb == "runs" && words >> runs) TRY(untimed(runs, json));
    else if (verb == "times" && words >> path) TRY(write_times(path, json));
    else if (verb == "outputs") TRY(outputs(json));
    else if (verb == "memory") write_memory(json);
    else return invalid("unknown command '" + command + "'");
    say(line);
    return {};
  }

 private:
  Result<double> timed_run() {
    pool_.next();
    const int64_t start = platform::now_ns();
    const auto result = engine_.run();
    const int64_t end = platform::now_ns();
    if (!result.ok()) return result.error();
    return microseconds(end - start);
  }

  // The other engines ran meanwhile: caches, predictors and clocks are warmed first.
  Result<void> slice(double seconds, size_t runs, JsonWriter& json) {
    runs = std::max<size_t>(runs, 1);
    const int64_t warm = platform::now_ns() + kWarmUpNs;
    for (int i = 0; i < kWarmUpRuns || (i < 1000 && platform::now_ns() < warm); ++i) TRY(timed_run());
    slice_.clear();
    if (slice_.capacity() == 0) slice_.resize(1 << 20), slice_.clear();  // touched: storing a time must not fault
    const int64_t deadline = platform::now_ns() + static_cast<int64_t>(seconds * 1e9);
    while ((slice_.size() < runs || platform::now_ns() < deadline) && slice_.size() < slice_.capacity())
      slice_.push_back(static_cast<float>(TRY(timed_run())));
    if (slice_.size() > kRunsMax - times_.size()) return too_large("more than 8 million runs: ask for fewer slices");
    times_.insert(times_.end(), slice_.begin(), slice_.end());
    std::nth_element(slice_.begin(), slice_.begin() + static_cast<std::ptrdiff_t>(slice_.size() / 2), slice_.end());
    json.begin_object().field("runs", slice_.size()).field("p50", slice_[slice_.size() / 2]).end_object();
    return {};
  }

  Result<void> untimed(size_t runs, JsonWriter& json) {
    for (size_t i = 0; i < runs; ++i) TRY(timed_run());
    json.begin_object().field("runs", runs).end_object();
    return {};
  }

  Result<void> write_times(const std::string& path, JsonWriter& json) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(times_.data()), static_cast<std::streamsize>(times_.size() * sizeof(float)));
    if (!file.flush()) return io_error("cannot write " + path);
    json.begin_object().field("runs", times_.size()).end_object();
    return {};
  }

  Result<void> outputs(JsonWriter& json) {
    pool_.first();
    TRY(engine_.run());
    json.begin_object().key("inputs");
    write_values(json, setup_.inputs);
    json.key("outputs");
    write_values(json, setup_.outputs);
    json.end_object();
    return {};
  }

  Engine& engine_;
  Setup setup_;
  Pool pool_;
  std::vector<float> slice_, times_;
};

Result<void> drive_or_fail(Engine& engine, int argc, char** argv) {
  Driver driver(engine, TRY(read_options(argc, argv)));
  TRY(driver.open());
  for (std::string line; std::getline(std::cin, line);) TRY(driver.obey(line));
  return {};
}

}  // namespace

int drive(Engine& engine, int argc, char** argv) {
  const auto result = drive_or_fail(engine, argc, argv);
  if (result.ok()) return 0;
  std::string line;
  JsonWriter(line).begin_object().field("error", result.error().message()).end_object();
  say(line);
  return 1;
}

}  // namespace tercel::peers
