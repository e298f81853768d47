#pragma once

#include <string>

#include "engine/session.h"
#include "platform/roofline.h"

namespace tercel::cli {

// The roofline of this host, measured once (about a second) and kept in the user's cache folder.
platform::Roofline host_roofline();

// The least time a step, and a whole run of a bound shape, can take on this machine: operations over arithmetic peak or
// bytes over bandwidth, whichever is more. Weights count once; activations between steps stay in cache and count nothing
// in the whole, so that the floor is one that nobody can go below.
double step_floor_us(const engine::Session::StepInfo& step, const platform::Roofline& roofline, double working_set, int threads);
double run_floor_us(double flops, double weight_bytes, double io_bytes, const platform::Roofline& roofline, int threads);

// Bytes of the constants that a program's main graph reads in one run (tables that are only looked up count not).
double weight_bytes_read(const plan::Program& program);

}  // namespace tercel::cli
