#include "kernels/families.h"
#include "kernels/x86/conv.h"

namespace tercel::kernels {

namespace {

using x86::conv_accepts;
using x86::conv_bind;
using x86::conv_pack;
using x86::conv_packed_bytes;
using x86::depthwise_accepts;
using x86::depthwise_bind;
using x86::depthwise_pack;
using x86::depthwise_packed_bytes;
using x86::kAvx2Leaf;
using x86::kAvx2Tall;
using x86::kAvx2Wide;
using x86::kAvx512Leaf;
using x86::kAvx512Tall;
using x86::kAvx512Wide;
using x86::kPortableLeaf;
using x86::kPortableTiles;
using x86::Leaf;
using x86::TileFamily;

template <const TileFamily& kFamily>
Result<Kernel> bind_direct(const StepContext& context) {
  return conv_bind(context, kFamily);
}
template <const TileFamily& kFamily>
size_t packed_bytes(const StepContext& context) {
  return conv_packed_bytes(context, kFamily);
}
template <const TileFamily& kFamily>
void pack(const StepContext& context, std::span<std::byte> packed) {
  conv_pack(context, kFamily, packed);
}
template <const TileFamily& kFamily>
constexpr Packing packing_of(std::string_view format) {
  return {format, inputs_at({1}), packed_bytes<kFamily>, pack<kFamily>};
}

template <const Leaf& kLeaf>
Refusal accepts_depthwise(const StepContext& context) {
  return depthwise_accepts(context, kLeaf);
}
template <const Leaf& kLeaf>
Result<Kernel> bind_depthwise(const StepContext& context) {
  return depthwise_bind(context, kLeaf);
}

// Format: floats of a panel's line, and the multiple that the last panel is rounded up to.
constexpr Packing kPanels32 = packing_of<kAvx512Tall>("conv/panel32-16"), kPanels64 = packing_of<kAvx512Wide>("conv/panel64-16");
constexpr Packing kPanels16 = packing_of<kAvx2Tall>("conv/panel16-8"), kPanels24 = packing_of<kAvx2Wide>("conv/panel24-8");
constexpr Packing kPanels8 = packing_of<kPortableTiles>("conv/panel8-4");
constexpr Packing kTaps{"conv/tap-channel", inputs_at({1}), depthwise_packed_bytes, depthwise_pack};

constexpr KernelRow kRows[] = {
    {"Conv", "conv/depthwise-avx512", platform::kAvx512, accepts_depthwise<kAvx512Leaf>, bind_depthwise<kAvx512Leaf>, &kTaps},
    {"Conv", "conv/depthwise-avx2", platform::kAvx2, accepts_depthwise<kAvx2Leaf>, bind_depthwise<kAvx2Leaf>, &kTaps},
    {"Conv", "conv/depthwise-portable", platform::kPortable, accepts_depthwise<kPortableLeaf>, bind_depthwise<kPortableLeaf>,
     &kTaps},
    {"Conv", "conv/direct-avx512-6x64", platform::kAvx512, conv_accepts, bind_direct<kAvx512Wide>, &kPanels64},
    {"Conv", "conv/direct-avx512-12x32", platform::kAvx512, conv_accepts, bind_direct<kAvx512Tall>, &kPanels32},
    {"Conv", "conv/direct-avx2-6x16", platform::kAvx2, conv_accepts, bind_direct<kAvx2Tall>, &kPanels16},
    {"Conv", "conv/direct-avx2-4x24", platform::kAvx2, conv_accepts, bind_direct<kAvx2Wide>, &kPanels24},
    {"Conv", "conv/direct-portable", platform::kPortable, conv_accepts, bind_direct<kPortableTiles>, &kPanels8},
};

}  // namespace

std::span<const KernelRow> conv_rows() { return kRows; }

}  // namespace tercel::kernels
