#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/host.h"
#include "doctor/interruptions.h"

namespace tercel::doctor {

enum class Verdict : uint8_t { kGood, kNote, kWarning, kUnknown };
std::string_view verdict_name(Verdict verdict);  // "good", "note", "warning", "unknown"

// One thing that decides how late an answer can be.
struct Check {
  std::string name;  // stable: scripts look for it
  Verdict verdict = Verdict::kUnknown;
  std::string value;   // what was found
  std::string why;     // what it does to latency
  std::string change;  // what to do about it; empty when nothing is to be done
};

// Every check, always in the same order. `steal`: the share of CPU time that the hypervisor gave to others.
std::vector<Check> check_host(const HostFacts& facts, const Interruptions& interruptions, std::optional<double> steal);

}  // namespace tercel::doctor
