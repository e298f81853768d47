#include "kernels/simd/row_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/families.h"
#include "kernels/ref/op_runner.h"
#include "kernels/simd/targets.h"

namespace tercel::kernels::simd {

namespace {

// Tasks last to first, on workers in turn; each twice, as the engine may, but where a step writes what it reads.
class TestWorkers final : public Workers {
 public:
  TestWorkers(int count, bool may_pause, bool in_place) : count_(count), may_pause_(may_pause), times_(in_place ? 1 : 2) {}
  int count() const override { return count_; }
  bool may_pause() const override { return may_pause_; }
  void run(int chunks, FunctionRef<void(int, int)> task) override {
    for (int chunk = chunks - 1; chunk >= 0; --chunk)
      for (int time = 0; time < times_; ++time) task(chunk, (chunk + time) % count_);
  }

 private:
  int count_;
  bool may_pause_;
  int times_;
};

// A copy of a tensor's bytes in an allocation of exactly that size, from `shift` elements behind an aligned address.
struct Buffer {
  std::unique_ptr<std::byte, void (*)(void*)> memory{nullptr, std::free};
  std::byte* data = nullptr;
  Buffer(const TensorType& type, const void* from, size_t shift) {
    const size_t offset = shift * dtype_size(type.dtype), bytes = type.bytes();
    memory.reset(static_cast<std::byte*>(std::malloc(offset + bytes + kTensorAlignment)));
    const auto address = reinterpret_cast<uintptr_t>(memory.get());
    data = memory.get() + (align_up(address, kTensorAlignment) - address) % kTensorAlignment + offset;
    if (from) std::memcpy(data, from, bytes);
    else std::memset(data, 0x5a, bytes);
  }
};

struct Setting {
  platform::Isa isa;
  int workers;
  size_t shift;
  int in_place;  // input that shares the output's buffer, or -1
  bool may_pause = false;
};

const KernelRow* find(std::string_view name) {
  for (const KernelRow& row : simd_rows())
    if (row.name == name) return &row;
  return nullptr;
}

std::vector<StepContext::Operand> operands_of(const OpCase& c) {
  std::vector<StepContext::Operand> operands;
  for (const auto& tensor : c.inputs)
    operands.push_back(tensor ? StepContext::Operand{true, tensor->type(), &*tensor} : StepContext::Operand{});
  return operands;
}

Result<std::vector<Tensor>> run(const KernelRow& row, const OpCase& c, const std::vector<TensorType>& types,
                                const Setting& setting) {
  const auto inputs = operands_of(c);
  std::vector<StepContext::Operand> outputs;
  for (size_t i = 0; i < types.size(); ++i) outputs.push_back({c.wanted[i], types[i], nullptr});
  StepContext context{c.attributes, inputs, outputs, setting.isa, setting.workers, {}};
  if (row.accepts)
    if (const Refusal refusal = row.accepts(context); !refusal.empty()) return unsupported(refusal);
  Tensor packed;
  if (row.packing) {
    packed = TRY(Tensor::zeros(DType::kUint8, {Dim(static_cast<int64_t>(row.packing->bytes(context)))}));
    row.packing->fill(context, {packed.mutable_as<std::byte>(), packed.bytes()});
  }
  const StepContext bound{c.attributes, inputs,          outputs,
                          setting.isa,  setting.workers, {packed.as<std::byte>(), packed.data() ? packed.bytes() : 0}};
  const Kernel kernel = TRY(row.bind(bound));

  std::vector<Buffer> buffers;
  std::vector<const void*> in;
  for (const auto& tensor : c.inputs) {
    if (tensor) buffers.emplace_back(tensor->type(), tensor->data(), setting.shift);
    in.push_back(tensor ? buffers.back().data : nullptr);
  }
  for (size_t i = 0; i < in.size(); ++i)
    if (row.packing && row.packing->replaces(i)) in[i] = nullptr;
  std::vector<void*> out;
  for (size_t i = 0; i < types.size(); ++i) {
    if (c.wanted[i]) buffers.emplace_back(types[i], nullptr, setting.shift);
    out.push_back(c.wanted[i] ? buffers.back().data : nullptr);
  }
  if (setting.in_place >= 0) out[0] = const_cast<void*>(in[static_cast<size_t>(setting.in_place)]);
  const TensorType scratch_type{DType::kUint8, {Dim(static_cast<int64_t>(kernel.scratch_bytes()))}};
  const Buffer scratch(scratch_type, nullptr, 0);
  TestWorkers workers(setting.workers, setting.may_pause, setting.in_place >= 0);
  kernel.run({in.data(), out.data(), scratch.data, &workers});

  std::vector<Tensor> results(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    if (!c.wanted[i]) continue;
    results[i] = TRY(Tensor::zeros(types[i].dtype, types[i].shape));
    std::memcpy(results[i].mutable_data(), out[i], types[i].bytes());
  }
  return results;
}

bool close(double got, double want, Tolerance tolerance) {
  if (std::isnan(want)) return std::isnan(got);
  if (std::isinf(want) || std::isinf(got))
    return got == want || (std::fabs(want) > 3.4e38 && std::fabs(got) > 3.4e38 && got * want > 0);
  return std::fabs(got - want) <= tolerance.absolute + tolerance.relative * std::fabs(want);
}

void compare(const Tensor& got, const Tensor& want, Tolerance tolerance, const std::string& where) {
  ASSERT_EQ(got.dtype(), want.dtype()) << where;
  ASSERT_TRUE(got.shape() == want.shape()) << where << ": " << to_string(got.shape()) << " instead of "
                                           << to_string(want.shape());
  for (int64_t i = 0; i < got.elements(); ++i) {
    const double a = element_as_double(got.dtype(), got.data(), i), b = element_as_double(want.dtype(), want.data(), i);
    ASSERT_TRUE(close(a, b, tolerance)) << where << ": element " << i << " of " << to_string(got.shape()) << " is " << a
                                        << ", not " << b;
  }
}

std::vector<Setting> settings_for(const KernelRow& row, const OpCase& c, const std::vector<TensorType>& types,
                                  const platform::Isa& isa) {
  std::vector<Setting> settings = {{isa, 1, 0, -1}, {isa, 3, 0, -1}, {isa, 1, 1, -1}, {isa, 3, 3, -1}, {isa, 1, 0, -1, true}};
  for (size_t i = 0; row.in_place && i < c.inputs.size(); ++i)
    for (bool may_pause : {false, true})
      if (c.inputs[i] && c.inputs[i]->type() == types[0] && c.wanted[0])
        settings.push_back({isa, 1, 0, static_cast<int>(i), may_pause});
  return settings;
}

bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].data() && std::memcmp(a[i].data(), b[i].data(), a[i].bytes()) != 0) return false;
  return true;
}

// Every test's log says what it covered on this host.
struct Coverage : ::testing::Environment {
  void SetUp() override {
    std::printf("targets covered:");
    for (const platform::Isa& isa : host_isas()) std::printf(" %s", target_name(isa).c_str());
    std::printf("\n");
  }
};
[[maybe_unused]] ::testing::Environment* const kCoverage =
    ::testing::AddGlobalTestEnvironment(new Coverage());  // gtest deletes it

}  // namespace

Result<std::vector<TensorType>> infer_op(const OpCase& c) { return kernels::infer_op({c.op, c.attributes, c.inputs, c.wanted}); }

std::vector<platform::Isa> host_isas() {
  std::vector<platform::Isa> isas;
  for (const platform::Isa& isa : {platform::kAvx512, platform::kAvx2, platform::kPortable})
    if (platform::host_isa().covers(isa)) isas.push_back(isa);
  return isas;
}

void expect_outputs(std::string_view name, const OpCase& c, const std::vector<Tensor>& expected, Tolerance tolerance) {
  const KernelRow* row = find(name);
  ASSERT_TRUE(row) << "no row " << name;
  ASSERT_EQ(row->op, c.op);
  const auto types = infer_op(c);
  ASSERT_TRUE(types.ok()) << c.op << ": " << types.error().message();
  for (const platform::Isa& isa : host_isas()) {
    std::vector<Tensor> first;
    for (const Setting& setting : settings_for(*row, c, *types, isa)) {
      const std::string where = std::string(name) + " on " + target_name(isa) + ", " + std::to_string(setting.workers) +
                                (setting.may_pause ? " paused" : "") + " workers, shift " + std::to_string(setting.shift) +
                                ", in place " + std::to_string(setting.in_place) + ", seed " + std::to_string(test_seed());
      const auto got = run(*row, c, *types, setting);
      ASSERT_TRUE(got.ok()) << where << ": " << got.error().message();
      if (first.empty()) {
        first = *got;
        for (size_t i = 0; i < first.size(); ++i)
          if (c.wanted[i]) compare(first[i], expected[i], tolerance, where);
      }
      ASSERT_TRUE(same_bits(first, *got)) << where << ": the bits differ from those of one worker on aligned buffers";
    }
  }
}

void expect_like_reference(std::string_view name, const OpCase& c, Tolerance tolerance) {
  const auto expected = run_op({c.op, c.attributes, c.inputs, c.wanted});
  ASSERT_TRUE(expected.ok()) << c.op << " reference: " << expected.error().message();
  expect_outputs(name, c, *expected, tolerance);
}

std::string refusal_of_row(std::string_view name, const OpCase& c) {
  const KernelRow* row = find(name);
  const auto types = infer_op(c);
  if (!row || !types.ok()) {
    ADD_FAILURE() << (row ? types.error().message() : "no such row");
    return "";
  }
  const auto got = run(*row, c, *types, {platform::host_isa(), 1, 0, -1});
  EXPECT_FALSE(got.ok()) << name << " accepts what it should refuse";
  return got.ok() ? "" : got.error().message();
}

unsigned test_seed() {
  static const unsigned seed = [] {
    const char* given = std::getenv("TERCEL_TEST_SEED");
    const unsigned chosen = given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
    std::printf("seed %u (repeat with TERCEL_TEST_SEED=%u)\n", chosen, chosen);
    return chosen;
  }();
  return seed;
}

Tensor random_floats(std::mt19937& random, const Shape& shape, float low, float high) {
  std::uniform_real_distribution<float> value(low, high);
  Tensor tensor = Tensor::zeros(DType::kFloat32, shape).value();
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.mutable_as<float>()[i] = value(random);
  return tensor;
}

Tensor odd_floats(std::mt19937& random, const Shape& shape) {
  using Limits = std::numeric_limits<float>;
  constexpr float kOdd[] = {0.0f,
                            -0.0f,
                            Limits::quiet_NaN(),
                            Limits::infinity(),
                            -Limits::infinity(),
                            3e38f,
                            -3e38f,
                            1e-30f,
                            -1e-30f,
                            1e-41f,
                            88.0f,
                            -88.0f,
                            104.5f,
                            -104.5f};
  Tensor tensor = random_floats(random, shape, -20, 20);
  for (int64_t i = 0; i < tensor.elements(); ++i)
    if (random() % 3 == 0) tensor.mutable_as<float>()[i] = kOdd[random() % std::size(kOdd)];
  return tensor;
}

Tensor ints(const std::vector<int64_t>& values) {
  return Tensor::of<int64_t>(DType::kInt64, {Dim(static_cast<int64_t>(values.size()))}, values);
}

Tensor floats(const Shape& shape, const std::vector<float>& values) { return Tensor::of<float>(DType::kFloat32, shape, values); }

}  // namespace tercel::kernels::simd
