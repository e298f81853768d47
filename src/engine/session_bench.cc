#include <benchmark/benchmark.h>

#include "engine/parallel/pool.h"
#include "engine/test_program.h"

// What a request costs beside its kernels: one tiny step, a chain of them, a cached bind, and handing work to a helper.
namespace tercel::engine {
namespace {

std::unique_ptr<Session> chain(int steps, int threads) {
  GraphMaker g;
  plan::ValueId x = g.input("x", DType::kFloat32, {Dim(1)});
  for (int i = 0; i < steps; ++i) x = g.node("Neg", {x});
  g.output(x);
  return Session::open(program_of(std::move(g)), {.threads = threads}).take();
}

void run_chain(benchmark::State& state) {
  const auto session = chain(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  const std::vector<Shape> shapes{{Dim(1)}};
  const Binding* binding = session->bind(shapes).value();
  const float in = 1;
  float out = 0;
  const InputView input{{DType::kFloat32, {Dim(1)}}, &in};
  void* const buffers[] = {&out};
  OutputView view;
  for (auto _ : state) benchmark::DoNotOptimize(session->run(*binding, {&input, 1}, buffers, {&view, 1}).ok());
}
BENCHMARK(run_chain)->Args({1, 1})->Args({1, 2})->Args({32, 1});

void bind_cached(benchmark::State& state) {
  const auto session = chain(1, 1);
  const std::vector<Shape> shapes{{Dim(1)}};
  for (auto _ : state) benchmark::DoNotOptimize(session->bind(shapes).ok());
}
BENCHMARK(bind_cached);

void hand_over(benchmark::State& state) {
  const auto pool = Pool::start(static_cast<int>(state.range(0))).take();
  pool->begin_request(true);
  for (auto _ : state) pool->run(2, [](int chunk, int) { benchmark::DoNotOptimize(chunk); });
  pool->end_request();
}
BENCHMARK(hand_over)->Arg(1)->Arg(2);

// A whole request that shares one step: the wake-up is in it.
void request_with_wake(benchmark::State& state) {
  const auto pool = Pool::start(2).take();
  for (auto _ : state) {
    pool->begin_request(true);
    pool->run(2, [](int chunk, int) { benchmark::DoNotOptimize(chunk); });
    pool->end_request();
  }
}
BENCHMARK(request_with_wake);

}  // namespace
}  // namespace tercel::engine
