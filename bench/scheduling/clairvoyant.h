#pragma once

#include <span>

#include "sched/types.h"

namespace tercel::bench {

// The most requests that any schedule could answer in time, knowing every arrival beforehand: one model, one slot, batches of
// up to `batch_max`, a batch of n takes fixed + n x row without noise, and every request has the same time. `arrivals`
// ascending. Exact: with equal time, batches of some best schedule hold neighbours in order of arrival, so it is a search over
// (the next request, how many were given up) for the earliest finish, of which only the undominated are kept.
uint64_t clairvoyant(std::span<const sched::TimeNs> arrivals, sched::TimeNs fixed_ns, sched::TimeNs row_ns, uint32_t batch_max,
                     sched::TimeNs allowed_ns);

}  // namespace tercel::bench
