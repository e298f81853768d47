#pragma once

#include <span>
#include <string>
#include <vector>

#include "plan/program.h"

// Which shapes a plan serves, and which of its tuned parts serve a host and a shape.
namespace tercel::engine {

// One range per input of the main graph: the plan's profile, or what the graph declares where the plan has none.
std::vector<plan::InputRange> ranges_of(const plan::Program& program);

// The shapes lie within their ranges, and axes of one name agree. Otherwise says which axis, what is served, what to do.
Result<void> check_shapes(std::span<const plan::InputRange> ranges, std::span<const Shape> shapes);

// The bucket that `shapes` run by: the first that is at least as large on every axis, else the last; null without buckets.
const plan::Bucket* nearest_bucket(const plan::TunedSection& section, std::span<const Shape> shapes);

// The tuned section that uses most of the host, of those the host can run; null when there is none.
const plan::TunedSection* best_section(const plan::Program& program, const platform::Isa& host);

// What the choice costs, as a sentence; empty when the plan was tuned for just this.
std::string notice_of(const plan::Program& program, const plan::TunedSection* chosen, const platform::Isa& host);

}  // namespace tercel::engine
