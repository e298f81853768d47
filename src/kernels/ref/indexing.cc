#include "kernels/ref/indexing.h"

#include "kernels/families.h"

namespace tercel::kernels {

namespace {

constexpr KernelRow kRows[] = {
    {"Gather", "gather/ref", platform::kPortable, nullptr, bind_gather},
};

}  // namespace

std::span<const KernelRow> ref_indexing_rows() { return kRows; }

}  // namespace tercel::kernels
