#pragma once

#include <array>
#include <string>

#include "base/result.h"
#include "platform/isa.h"

namespace tercel::platform {

// What this machine can do at best, from micro-benchmarks run on it: the floor that latencies are reported against.
// Times are the best of several tries, so that a noisy neighbour makes the floor no higher than it is.
struct Roofline {
  Isa isa;
  int threads = 1;                     // that the *_all figures used
  double flops_one = 0, flops_all = 0; // float32 multiply-adds count two; per second
  struct Level {
    double bytes = 0;                  // working set up to here, per thread
    double read_one = 0, read_all = 0; // bytes per second
  };
  std::array<Level, 4> levels{};       // smallest working set first; the last one stands for memory

  double flops(int with_threads) const { return with_threads > 1 ? flops_all : flops_one; }
  // Read bandwidth for a working set that is streamed again and again.
  double bandwidth(double working_set_bytes, int with_threads) const;
  // Seconds below which nobody can compute `flops` that touch `bytes`, of a `working_set`.
  double floor_seconds(double flops, double bytes, double working_set, int with_threads) const;
};

// Takes about a second of all cores.
Roofline measure_roofline(int threads);

// The cached figures of this host (CPU model, ISA, threads) from `cache_file`, measured and stored there when absent.
// A cache that cannot be read or written costs the measurement again, not an error.
Roofline cached_roofline(const std::string& cache_file, int threads);

}  // namespace tercel::platform
