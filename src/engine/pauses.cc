#include "engine/pauses.h"

#include "engine/parallel/pool.h"
#include "platform/clock.h"

namespace tercel::engine {

void Pauses::stop() {
  has_stopped_ = true;
  const int64_t before = platform::now_ns();
  if (pool_) pool_->rest();
  point_->pass();
  stopped_ns_ += platform::now_ns() - before;
}

}  // namespace tercel::engine
