#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tercel::bench {

// What a model of delay_backend.cc does, from the `parameters` of its config.pbtxt: costs as much CPU time as tercel.test.Spin
// (src/custom/spin.h), and answers with the first `floats_out` floats of each row, or with the whole row when that is 0.
struct Delay {
  double us = 0;            // of CPU time, for one row
  double batch_factor = 0;  // what each further row adds, as a share of it
  uint64_t floats_out = 0;

  int64_t cost_ns(int64_t rows) const {
    return rows <= 0 ? 0 : static_cast<int64_t>(us * (1 + batch_factor * static_cast<double>(rows - 1)) * 1e3);
  }
};

// Reads a model's configuration as the server gives it, JSON. Empty, or what is wrong with it.
std::string parse_delay(std::string_view json, Delay& delay);

// Keeps the calling thread busy for `cpu_ns` of its own CPU time: what others take of the CPU meanwhile does not count.
void spin(int64_t cpu_ns);

}  // namespace tercel::bench
