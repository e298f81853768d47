#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "engine/test_program.h"
#include "plan/plan.h"
#include "tercel/tercel.h"

// Any order of calls with any arguments that a program may pass answers with a status: nothing crashes, nothing is written that
// the caller did not offer, nothing is lost. Two bytes a call: which, and its argument. Handles close in any order.
namespace tercel {
namespace {

constexpr size_t kSlots = 3, kRoom = 1024;  // handles of each kind; floats that the caller offers
constexpr float kUntouched = -12345;

// y = relu(x + 1) of any number of rows, and NonZero of it: as many as data say.
std::vector<std::byte> make_image() {
  engine::GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim::symbol(0)});
  const auto y = g.node("Relu", {g.node("Add", {x, g.floats({Dim(1)}, {1})})});
  g.output(y);
  g.output(g.node("NonZero", {y}));
  g.declare(g.graph.outputs[0], DType::kFloat32, {Dim::symbol(0)});
  g.declare(g.graph.outputs[1], DType::kInt64, {Dim(1), Dim::unknown()});
  std::string path = std::filesystem::temp_directory_path() / "tercel-capi-fuzz-XXXXXX";
  check(mkdtemp(path.data()) != nullptr, "a folder for the plan");
  check(plan::write(*engine::program_of(std::move(g), {"n"}), path + "/a.plan").ok(), "a plan to call with");
  std::ifstream file(path + "/a.plan", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::filesystem::remove_all(path);
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  return {data, data + bytes.size()};
}

struct Image {
  Image() {
    const auto made = make_image();
    bytes = made.size();
    data = std::aligned_alloc(kTensorAlignment, align_up(bytes, kTensorAlignment));
    std::memcpy(data, made.data(), bytes);
  }
  void* data;
  size_t bytes;
};

class Caller {
 public:
  Caller() {
    x_.fill(0.5f);
    y_.fill(kUntouched);
  }
  ~Caller() {
    // Plans first, bindings last: what others need stays.
    for (tercel_plan*& plan : plans_) tercel_plan_close(plan);
    for (tercel_session*& session : sessions_) tercel_session_close(session);
    for (Bound& bound : bindings_) tercel_binding_close(bound.binding);
    check(y_.back() == kUntouched, "nothing is written behind the caller's memory");
  }

  void call(uint8_t which, uint8_t argument) {
    static constexpr void (Caller::*kCalls[])(uint8_t) = {&Caller::open_plan,     &Caller::close_plan,   &Caller::open_session,
                                                          &Caller::close_session, &Caller::open_binding, &Caller::close_binding,
                                                          &Caller::set_input,     &Caller::set_output,   &Caller::run,
                                                          &Caller::look,          &Caller::cancel};
    (this->*kCalls[which % std::size(kCalls)])(argument);
  }

 private:
  struct Bound {
    tercel_binding* binding = nullptr;
    int64_t rows = 0;
  };

  void judge(tercel_status status) {
    check(status >= TERCEL_OK && status < TERCEL_INTERNAL, "a status that a caller can act on");
    if (status != TERCEL_OK) check(error_.message[0] != 0, "a refusal has a reason");
    error_.message[0] = 0;
  }

  void open_plan(uint8_t argument) {
    static const Image image;
    tercel_plan*& slot = plans_[argument % kSlots];
    tercel_plan_close(std::exchange(slot, nullptr));
    const size_t cut = argument < 128 ? 0 : argument;
    judge(tercel_plan_open_image(image.data, image.bytes - std::min(image.bytes, cut), &slot, &error_));
  }
  void close_plan(uint8_t argument) { tercel_plan_close(std::exchange(plans_[argument % kSlots], nullptr)); }

  void open_session(uint8_t argument) {
    tercel_session*& slot = sessions_[argument % kSlots];
    tercel_session_close(std::exchange(slot, nullptr));
    tercel_session_options options = TERCEL_INIT(tercel_session_options);
    options.threads = argument / 64 - 1;
    options.check_numerics = argument & 4;
    options.memory_bytes_max = argument & 8 ? 4096 : 1 << 24;
    if (argument & 16) options.struct_size = argument & 32 ? 4 : sizeof(size_t) + 8;
    judge(tercel_session_open(plans_[argument % 7 % kSlots], argument & 8 ? nullptr : &options, &slot, &error_));
  }
  void close_session(uint8_t argument) { tercel_session_close(std::exchange(sessions_[argument % kSlots], nullptr)); }

  void open_binding(uint8_t argument) {
    Bound& slot = bindings_[argument % kSlots];
    tercel_binding_close(std::exchange(slot.binding, nullptr));
    constexpr int64_t kRows[] = {0, 1, 7, 64, kRoom, -1, INT64_MAX, (int64_t{1} << 31) + 1};
    slot.rows = kRows[argument / 8 % std::size(kRows)];
    const tercel_shape shape{argument >= 250 ? 9 : argument >= 240 ? 2 : 1, {slot.rows, 1}};
    judge(tercel_binding_open(sessions_[argument % 5 % kSlots], argument & 64 ? nullptr : &shape,
                              argument & 1 ? 1 : argument / 64, &slot.binding, &error_));
  }
  void close_binding(uint8_t argument) { tercel_binding_close(std::exchange(bindings_[argument % kSlots].binding, nullptr)); }

  // Wrong sizes and places must be refused; right ones lie inside what the caller has.
  size_t bytes_of(const Bound& bound, uint8_t argument) const {
    const int64_t rows = bound.rows < 0 || bound.rows > static_cast<int64_t>(kRoom) ? 0 : bound.rows;
    return static_cast<size_t>(rows) * sizeof(float) + (argument & 32 ? argument % 5 : 0);
  }
  void set_input(uint8_t argument) {
    const Bound& bound = bindings_[argument % kSlots];
    const auto* place = reinterpret_cast<const char*>(argument & 64 ? y_.data() : x_.data()) + (argument & 128 ? 1 : 0);
    judge(tercel_binding_set_input(bound.binding, argument & 16, argument & 8 ? nullptr : place, bytes_of(bound, argument),
                                   &error_));
  }
  void set_output(uint8_t argument) {
    const Bound& bound = bindings_[argument % kSlots];
    auto* place = reinterpret_cast<char*>(argument & 64 ? x_.data() : y_.data()) + (argument & 128 ? 1 : 0);
    judge(tercel_binding_set_output(bound.binding, argument & 16 ? argument % 4 : 0, argument & 8 ? nullptr : place,
                                    bytes_of(bound, argument), &error_));
  }

  void run(uint8_t argument) {
    std::array<int64_t, 8> steps{};
    tercel_times times = TERCEL_INIT(tercel_times);
    times.step_ns = steps.data();
    times.step_capacity = argument % 9;
    tercel_run_options options = TERCEL_INIT(tercel_run_options);
    options.deadline_ns = argument & 8 ? 1 : argument & 16 ? INT64_MAX : 0;
    options.times = argument & 32 ? &times : nullptr;
    if (argument & 64) options.struct_size = argument & 128 ? 3 : offsetof(tercel_run_options, times);
    judge(tercel_run(bindings_[argument % kSlots].binding, argument & 4 ? nullptr : &options, &error_));
  }

  void look(uint8_t argument) {
    const Bound& bound = bindings_[argument % kSlots];
    tercel_tensor tensor = TERCEL_INIT(tercel_tensor);
    if (tercel_binding_output(bound.binding, argument / 64, &tensor) == TERCEL_OK && tensor.data)
      for (size_t i = 0; i < tensor.bytes; ++i) seen_ ^= static_cast<const unsigned char*>(tensor.data)[i];
    tercel_step_info step = TERCEL_INIT(tercel_step_info);
    if (tercel_binding_step(bound.binding, argument / 32, &step) == TERCEL_OK)
      seen_ ^= static_cast<unsigned>(std::strlen(step.node));
    tercel_tensor_info info = TERCEL_INIT(tercel_tensor_info);
    if (tercel_plan_output(plans_[argument % kSlots], argument / 128, &info) == TERCEL_OK)
      seen_ ^= static_cast<unsigned>(std::strlen(info.name));
    seen_ ^= static_cast<unsigned>(std::strlen(tercel_session_notice(sessions_[argument % kSlots])));
  }
  void cancel(uint8_t argument) { tercel_cancel(bindings_[argument % kSlots].binding); }

  std::array<tercel_plan*, kSlots> plans_{};
  std::array<tercel_session*, kSlots> sessions_{};
  std::array<Bound, kSlots> bindings_{};
  std::array<float, kRoom + 2> x_, y_;
  tercel_error error_ = TERCEL_INIT(tercel_error);
  unsigned seen_ = 0;
};

}  // namespace
}  // namespace tercel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tercel::Caller caller;
  for (size_t i = 0; i + 1 < std::min<size_t>(size, 200); i += 2) caller.call(data[i], data[i + 1]);
  return 0;
}
