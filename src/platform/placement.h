#pragma once

#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"

namespace tercel::platform {

// "0-3,5" as 0, 1, 2, 3, 5. Refuses what is no such list, and CPUs that this process may not run on.
Result<std::vector<int>> parse_cpu_list(std::string_view text);

// The CPUs that the calling thread may run on, ascending; empty where that cannot be told.
std::vector<int> allowed_cpus();

// Keeps another thread of the process on these CPUs; false where it may not run on any of them.
bool keep_on(std::thread& thread, std::span<const int> cpus);

// Keeps the calling thread on these CPUs; empty: where it may run already. Where the machine does not have them, nothing changes.
void run_on(const std::vector<int>& cpus);

// Asks the kernel (Linux 6.12) to let the calling thread run soon after it wakes, beside threads that compute, in return for
// short turns: what receives, answers and tells the time needs little of a CPU, but at once. Needs no privilege; elsewhere
// nothing changes.
void ask_for_short_slices();

}  // namespace tercel::platform
