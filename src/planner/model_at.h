#pragma once

#include "planner/profile.h"

namespace tercel::planner {

// The model with these input shapes in place of its symbols, and every shape that follows from them. Constants are shared.
Result<graph::Model> model_at(const graph::Model& model, const BucketShapes& shapes);

// What one run of the main graph costs, from static types: operations, and bytes of the values between the steps.
struct ModelCost {
  double flops = 0;
  double activation_bytes = 0;  // values that nodes make, all together
  double input_bytes = 0, output_bytes = 0;
};
ModelCost cost_of(const graph::Model& fixed);

}  // namespace tercel::planner
