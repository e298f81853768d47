#pragma once

#include <cstdint>

namespace tercel::sched {

// Defects that the simulator plants to prove that its invariants would notice them. The library has none: there, planted()
// is a constant and its branches are not compiled. Only sched_faults_test defines TERCEL_SCHED_FAULTS.
enum class Fault : uint8_t {
  kNone,
  kStartLate,      // starts what has passed its latest start, and expires nothing
  kIdleWithWork,   // leaves the last idle slot idle
  kLastFirst,      // takes the later of two waiting deadlines first
  kForgetPreempt,  // never asks an execution to yield
  kLoseMember,     // forgets one member of a batch
  kTrustStreams,   // does not police reservations
  kAdmitAll,       // admits hard requests without asking whether they can make it
  kStarveBulk,     // bulk runs only when nothing else runs
};

#ifdef TERCEL_SCHED_FAULTS
Fault planted_fault();
void plant(Fault fault);
inline bool planted(Fault fault) { return planted_fault() == fault; }
#else
constexpr bool planted(Fault) { return false; }
#endif

}  // namespace tercel::sched
