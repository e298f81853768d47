#include "kernels/ref/image.h"

#include "kernels/families.h"

namespace tercel::kernels {

namespace {

constexpr KernelRow kRows[] = {
    {"Resize", "resize/ref", platform::kPortable, nullptr, bind_resize},
    {"GridSample", "gridsample/ref", platform::kPortable, nullptr, bind_grid_sample},
    {"AffineGrid", "affinegrid/ref", platform::kPortable, nullptr, bind_affine_grid},
    {"RoiAlign", "roialign/ref", platform::kPortable, nullptr, bind_roi_align},
    {"MaxRoiPool", "maxroipool/ref", platform::kPortable, nullptr, bind_max_roi_pool},
    {"NonMaxSuppression", "nonmaxsuppression/ref", platform::kPortable, nullptr, bind_non_max_suppression},
};

}  // namespace

std::span<const KernelRow> ref_image_rows() { return kRows; }

}  // namespace tercel::kernels
