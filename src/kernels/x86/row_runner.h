#pragma once

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "kernels/kernel.h"

// For tests and benchmarks: one step, run by one kernel row the way the engine does it.
namespace tercel::kernels::x86 {

// Chunks shared by real threads, so that races and worker indices are exercised; each twice, as the engine may do.
class ThreadedWorkers final : public Workers {
 public:
  explicit ThreadedWorkers(int count) : count_(count) {}
  int count() const override { return count_; }
  void run(int chunks, FunctionRef<void(int, int)> task) override {
    std::atomic<int> next{0};
    const auto work = [&](int worker) {
      for (int chunk = next++; chunk < chunks; chunk = next++)
        for (int time = 0; time < 2; ++time) task(chunk, worker);
    };
    std::vector<std::thread> threads;
    for (int worker = 1; worker < count_; ++worker) threads.emplace_back(work, worker);
    work(0);
    for (std::thread& thread : threads) thread.join();
  }

 private:
  int count_;
};

// A lone thread that somebody may want between two chunks.
class LoneWorker final : public Workers {
 public:
  int count() const override { return 1; }
  bool may_pause() const override { return true; }
  void run(int chunks, FunctionRef<void(int, int)> task) override {
    for (int chunk = 0; chunk < chunks; ++chunk) task(chunk, 0);
  }
};

// Floats that lie `skew` floats behind a cache line: callers may hand in what is aligned to its element and no more.
struct Floats {
  static inline int64_t skew = 1;
  std::vector<float> storage;
  Shape shape;
  Floats() = default;
  explicit Floats(const Shape& s) : storage(static_cast<size_t>(s.elements()) + 32), shape(s) {}
  float* data() {
    return reinterpret_cast<float*>(align_up(reinterpret_cast<uintptr_t>(storage.data()), kTensorAlignment)) + skew;
  }
  const float* data() const { return const_cast<Floats*>(this)->data(); }
  int64_t size() const { return shape.elements(); }
  float& operator[](int64_t i) { return data()[i]; }
  float operator[](int64_t i) const { return data()[i]; }
};

template <typename Random>
Floats random_floats(const Shape& shape, Random& random, float low = -1, float high = 1) {
  Floats f(shape);
  std::uniform_real_distribution<float> distribution(low, high);
  for (int64_t i = 0; i < f.size(); ++i) f[i] = distribution(random);
  return f;
}

// A step with float32 operands. Input 1 is constant where `constant_weight`. Absent inputs are nullopt.
struct Step {
  std::string op;
  ops::Attributes attributes;
  std::vector<std::optional<Floats>> inputs;
  Shape out;
  bool constant_weight = true;
};

// A bound row with its packed weights, scratch and output.
class BoundStep {
 public:
  BoundStep(const Step& step, const KernelRow& row, int threads) : step_(step) {
    for (const auto& input : step.inputs) {
      StepContext::Operand operand;
      if (input) operand = {true, {DType::kFloat32, input->shape}, nullptr};
      operands_.push_back(operand);
      pointers_.push_back(input ? input->data() : nullptr);
    }
    if (step.constant_weight) {
      const Floats& w = *step.inputs[1];
      weight_ = Tensor::view(DType::kFloat32, w.shape, w.data(), nullptr);
      operands_[1].value = &weight_;
    }
    out_operand_ = {true, {DType::kFloat32, step.out}, nullptr};
    out_ = Floats(step.out);
    std::fill(out_.storage.begin(), out_.storage.end(), kCanary);
    StepContext context{step.attributes, operands_, {&out_operand_, 1}, platform::host_isa(), threads, {}};
    refusal_ =
        platform::host_isa().covers(row.needs) ? row.accepts(context) : "needs " + std::string(platform::isa_name(row.needs));
    if (!refusal_.empty()) return;
    if (row.packing) {
      packed_ = aligned(row.packing->bytes(context));
      row.packing->fill(context, {packed_.get(), row.packing->bytes(context)});
      context.packed = {packed_.get(), row.packing->bytes(context)};
      for (size_t i = 0; i < pointers_.size(); ++i)
        if (row.packing->replaces(i)) pointers_[i] = nullptr;
    }
    kernel_ = row.bind(context).take();
    scratch_ = aligned(kernel_.scratch_bytes());
  }

  const Refusal& refusal() const { return refusal_; }
  const Floats& run(Workers& workers) {
    void* out = out_.data();
    kernel_.run({pointers_.data(), &out, scratch_.get(), &workers});
    return out_;
  }
  // The floats around the output were not written.
  bool kept_to_its_output() const {
    const float* begin = out_.data();
    for (const float& f : out_.storage)
      if ((&f < begin || &f >= begin + out_.size()) && f != kCanary) return false;
    return true;
  }

 private:
  static constexpr float kCanary = 12345;
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  using Bytes = std::unique_ptr<std::byte[], Free>;
  static Bytes aligned(size_t bytes) {
    const size_t size = align_up(bytes + 1, kTensorAlignment);
    Bytes memory(static_cast<std::byte*>(std::aligned_alloc(kTensorAlignment, size)));
    std::memset(memory.get(), 0xff, size);  // NaN: whatever is read before it is written shows
    return memory;
  }

  const Step& step_;
  std::vector<StepContext::Operand> operands_;
  std::vector<const void*> pointers_;
  Tensor weight_;
  StepContext::Operand out_operand_;
  Floats out_;
  Refusal refusal_;
  Bytes packed_, scratch_;
  Kernel kernel_;
};

}  // namespace tercel::kernels::x86
