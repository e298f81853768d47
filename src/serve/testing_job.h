#pragma once

#include <array>
#include <semaphore>

#include "platform/clock.h"
#include "serve/job.h"

namespace tercel::serve {

// A job of four floats whose completion can be waited for.
struct WaitedJob {
  WaitedJob() {
    job.request.inputs = {{{DType::kFloat32, Shape{1, 4}}, values.data()}};
    job.request.outputs = {{0, true}};
    job.owner = this;
    job.done = [](Job& j) { static_cast<WaitedJob*>(j.owner)->finished.release(); };
    job.clock.start(platform::now_ns());
  }
  std::array<float, 4> values{1, 2, 3, 4};
  std::binary_semaphore finished{0};
  Job job;
};

}  // namespace tercel::serve
