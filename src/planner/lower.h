#pragma once

#include "graph/graph.h"
#include "planner/profile.h"

namespace tercel::planner {

// The portable part of a plan: the model's graphs, constants and profile, nothing tuned. Value and node indices stay
// those of the model, so that what is learned of a graph node holds for the program node of the same index.
// Constants are shared, not copied.
plan::Program lower(const graph::Model& model, const Profile& profile);

}  // namespace tercel::planner
