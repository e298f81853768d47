#pragma once

#include "registry/instance.h"
#include "sched/options.h"
#include "serve/job.h"

namespace tercel::serve {

// What a scheduler is told of an opened model: what was measured of its variants, on at most `threads` threads.
sched::ModelOptions scheduled_model(const registry::OpenedModel& model, uint32_t queue_max, sched::VariantPolicy policy,
                                    uint32_t threads);

// A job's part of a batch.
struct Rows {
  uint32_t count = 1;
  uint64_t shape = 0;     // with which others it may share one: the same types but for the first extent
  bool are_exact = true;  // false: it has more rows than a batch of the model, or is unlike what was measured, and goes alone
};
Rows rows_of(const Job& job, const registry::OpenedModel& model);

}  // namespace tercel::serve
