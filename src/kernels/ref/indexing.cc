#include "kernels/ref/indexing.h"

#include "kernels/families.h"

namespace tercel::kernels {

namespace {

constexpr KernelRow kRows[] = {
    {"Gather", "gather/ref", platform::kPortable, nullptr, bind_gather},
    {"GatherElements", "gatherelements/ref", platform::kPortable, nullptr, bind_gather_elements},
    {"GatherND", "gathernd/ref", platform::kPortable, nullptr, bind_gather_nd},
    {"ScatterElements", "scatterelements/ref", platform::kPortable, nullptr, bind_scatter_elements},
    {"ScatterND", "scatternd/ref", platform::kPortable, nullptr, bind_scatter_nd},
    {"TensorScatter", "tensorscatter/ref", platform::kPortable, nullptr, bind_tensor_scatter},
    {"OneHot", "onehot/ref", platform::kPortable, nullptr, bind_one_hot},
    {"TopK", "topk/ref", platform::kPortable, nullptr, bind_top_k},
    {"NonZero", "nonzero/ref", platform::kPortable, nullptr, bind_non_zero},
    {"Compress", "compress/ref", platform::kPortable, nullptr, bind_compress},
    {"Unique", "unique/ref", platform::kPortable, nullptr, bind_unique},
};

}  // namespace

std::span<const KernelRow> ref_indexing_rows() { return kRows; }

}  // namespace tercel::kernels
