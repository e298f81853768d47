#pragma once

#include <string>

#include "plan/program.h"
#include "registry/instance.h"

namespace tercel::registry {

// What a variant takes or gives that is not as another's, as a sentence of the first difference in name, type, rank or extents;
// empty where there is none. Requests are checked once, whichever variant answers them.
std::string first_difference(const plan::Program& variant, const plan::Program& other);

// Whether one row takes a variant less than another at worst, with the fewest threads of each: what a scheduler asks of the less
// accurate one. Never true where one of them could not be measured.
bool is_faster(const OpenedVariant& variant, const OpenedVariant& other);

}  // namespace tercel::registry
