#pragma once

#include "plan/program.h"
#include "registry/instance.h"

namespace tercel::registry {

// Whether requests of a plan may share a batch: the first extent of every input and output is one and the same symbol, which the
// plan's profile lets begin at one row. Says nothing of whether the rows influence each other. 0: they may not; else the most
// rows that the profile allows.
int64_t batch_rows_of(const plan::Program& program);

inline constexpr int kWorstRunsMax = 5000;  // of one row on one thread, when a version is opened

// Prepares the instances of a variant for batches of 1 to `rows_max` rows (1 for a plan that does not batch) and measures what
// they take, on made-up values, with the first instance of each group: at least one row, further sizes while `budget_ns` lasts,
// and within how long a run can be stopped. One row on one thread is what promises rest on: it is measured up to kWorstRunsMax
// times, for a third of the budget. What cannot run on such values (a model may refuse them) leaves `costs` empty and is told.
Result<void> warm_up(OpenedVariant& variant, const plan::Program& program, uint32_t rows_max, int64_t budget_ns);

// Whether two rows give the same together as alone, as far as one try can tell: to a thousandth of the largest output.
Result<bool> rows_are_independent(Instance& instance, const plan::Program& program);

}  // namespace tercel::registry
