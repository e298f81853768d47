#pragma once

#include "planner/compile.h"
#include "planner/tactics.h"

namespace tercel::planner {

// Tunes the main graph at every bucket of the profile: fills `section.buckets` (shapes, tactics, step times) and, of the
// first bucket, `section.notes`. Returns the model at each bucket's shapes.
Result<std::vector<graph::Model>> tune_buckets(const graph::Model& model, const Profile& profile, TacticChooser& chooser,
                                               plan::TunedSection& section, const Progress& progress);

// Packs each constant in every format that a chosen tactic wants; `fixed` is what tune_buckets() returned. The returned
// tensors own what `section.packed` views.
Result<std::vector<Tensor>> pack_weights(const std::vector<graph::Model>& fixed, plan::TunedSection& section,
                                         const Progress& progress);

// Runs the whole program on zeros at every bucket and thread count: fills arena_bytes and latency of `program.tuned[0]`. Custom
// operators may refuse such inputs: then nothing more is measured, and what the operator said is returned.
Result<std::string> measure_latency(plan::Program& program, const std::vector<int>& threads, double seconds, const Progress& progress);

// What a plan says of these times, which are sorted and not empty: no p99.9 where there are less than a thousand.
plan::MeasuredLatency latency_of(uint32_t threads, std::span<const double> sorted_us);

}  // namespace tercel::planner
