#include "platform/cpus.h"

#include <gtest/gtest.h>

namespace tercel::platform {
namespace {

TEST(Cpus, ThisMachineHasAtLeastOne) { EXPECT_GE(usable_cpus(), 1); }

}  // namespace
}  // namespace tercel::platform
