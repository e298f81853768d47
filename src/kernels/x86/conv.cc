#include "kernels/x86/conv.h"

#include <cstring>
#include <vector>

#include "kernels/x86/conv_geometry.h"
#include "kernels/x86/conv_rows_source.h"
#include "kernels/x86/epilogue.h"
#include "kernels/x86/matrix_rows.h"
#include "kernels/x86/packing.h"
#include "kernels/x86/product.h"

namespace tercel::kernels::x86 {

namespace {

// Below this many channels, runs of single taps are too short to be worth their set-up.
constexpr int64_t kStripChannelsMax = 24;

enum class Source { kMatrix, kTaps, kStrip };

Source source_of(const ConvGeometry& g) {
  if (g.taps() == 1 && g.stride_h == 1 && g.stride_w == 1 && !g.has_border() && g.same_extents()) return Source::kMatrix;
  if (g.kernel_w > 1 && g.groups == 1 && g.dilation_w == 1 && g.channels < kStripChannelsMax) return Source::kStrip;
  return Source::kTaps;
}

struct ConvPlan {
  ConvGeometry g;
  Source source;
  Product product;  // of one group
  const float* weights;
  size_t behind_bytes;  // a worker's scratch behind the product's: zeros or a strip
  size_t worker_bytes() const { return product.scratch_bytes() + behind_bytes; }
};

ConvPlan plan_of(const ConvGeometry& g, const TileFamily& family) {
  ConvPlan plan{g, source_of(g), {}, nullptr, 0};
  const bool strip = plan.source == Source::kStrip;
  const int64_t runs = strip ? g.kernel_h : g.taps(), length = strip ? g.kernel_w * g.channels : g.group_channels();
  plan.product =
      cut_product(family, g.pixels(), g.group_outputs(), runs, length, g.group_channels(), g.groups, strip ? g.out_width : 1);
  int64_t floats = 0;
  if (strip)
    floats =
        ConvStrip::rows_of(g, std::min(g.out_height, plan.product.part_rows_max() / g.out_width + 2)) * ConvStrip::row_floats(g);
  if (plan.source == Source::kTaps && g.has_border()) floats = g.group_channels();
  plan.behind_bytes = align_up(static_cast<size_t>(floats) * sizeof(float), kTensorAlignment);
  return plan;
}

void run_strips(const ConvPlan& plan, const float* input, int64_t row0, int64_t row1, int64_t panel0, int64_t panel1,
                const ProductOutput& output, float* strip, std::byte* scratch) {
  const int64_t image = plan.g.out_width * plan.g.out_height;
  PackedWeights weights{plan.weights, &plan.product};
  for (int64_t begin = row0; begin < row1;) {
    const int64_t end = std::min(row1, (begin / image + 1) * image);
    ConvStrip rows{plan.g, strip};
    rows.load(input, begin, end);
    run_product(plan.product, begin, end, panel0, panel1, rows, weights, output, scratch);
    begin = end;
  }
}

void run_chunk(const ConvPlan& plan, const Buffers& buffers, const float* bias, const float* residual, int64_t chunk,
               std::byte* scratch) {
  const ConvGeometry& g = plan.g;
  const Product& product = plan.product;
  const int64_t group = chunk / product.chunks(), part = chunk % product.chunks();
  const int64_t row_part = part / product.panel_parts, panel_part = part % product.panel_parts;
  const int64_t row0 = product.first_row(row_part), row1 = product.first_row(row_part + 1);
  const int64_t panel0 = product.first_panel(panel_part), panel1 = product.first_panel(panel_part + 1);
  const int64_t out = group * g.group_outputs();
  const ProductOutput output{buffers.out<float>() + out, g.out_channels, bias ? bias + out : nullptr,
                             residual ? residual + out : nullptr, g.out_channels};
  const float* input = buffers.in<float>(0) + group * g.group_channels();
  PackedWeights weights{plan.weights + group * packed_floats(*product.family, product.depth(), product.columns), &product};
  const auto behind = reinterpret_cast<float*>(scratch + product.scratch_bytes());
  if (plan.source == Source::kMatrix) {
    MatrixRows rows{input, g.channels};
    run_product(product, row0, row1, panel0, panel1, rows, weights, output, scratch);
  } else if (plan.source == Source::kStrip) {
    run_strips(plan, input, row0, row1, panel0, panel1, output, behind, scratch);
  } else {
    std::memset(behind, 0, plan.behind_bytes);
    ConvTaps rows{g, input, behind};
    run_product(product, row0, row1, panel0, panel1, rows, weights, output, scratch);
  }
}

}  // namespace

Refusal conv_accepts(const StepContext& context) {
  const auto geometry = conv_geometry(context);
  return geometry.ok() ? "" : geometry.error().message();
}

size_t conv_packed_bytes(const StepContext& context, const TileFamily& family) {
  const Shape& w = context.in(1).shape;
  const int64_t groups = context.attributes.get_int("group", 1);
  return static_cast<size_t>(groups * packed_floats(family, w.elements(1, w.rank()), w.size(0) / groups)) * sizeof(float);
}

// [group][panel][tap][channel][panel width], from [O, I / group, taps].
void conv_pack(const StepContext& context, const TileFamily& family, std::span<std::byte> packed) {
  const Shape& w = context.in(1).shape;
  const int64_t groups = context.attributes.get_int("group", 1), outputs = w.size(0) / groups;
  const int64_t channels = w.size(1), taps = w.elements(2, w.rank());
  const auto source = static_cast<const char*>(context.constant(1)->data());
  auto to = reinterpret_cast<float*>(packed.data());
  // Taps first: a scratch copy of one group as a matrix [taps * channels, outputs]; packing is off the hot path.
  std::vector<float> matrix(static_cast<size_t>(taps * channels * outputs));
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t o = 0; o < outputs; ++o)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t t = 0; t < taps; ++t)
          std::memcpy(&matrix[static_cast<size_t>((t * channels + c) * outputs + o)],
                      source + (((g * outputs + o) * channels + c) * taps + t) * static_cast<int64_t>(sizeof(float)),
                      sizeof(float));
    pack_panels(family, matrix.data(), taps * channels, outputs, outputs, 1, to);
    to += packed_floats(family, taps * channels, outputs);
  }
}

Result<Kernel> conv_bind(const StepContext& context, const TileFamily& family) {
  const ConvGeometry geometry = TRY(conv_geometry(context));
  if (geometry.pixels() == 0 || geometry.out_channels == 0) return Kernel([](const Buffers&) {});
  ConvPlan plan = plan_of(geometry, family);
  plan.product.epilogue = epilogue_of(TRY(ops::activation_of(context.attributes)));
  plan.weights = reinterpret_cast<const float*>(context.packed.data());
  const bool has_bias = context.has(2), has_residual = context.has(3);
  const size_t bytes = plan.worker_bytes() * static_cast<size_t>(context.threads);
  const auto run = [plan = std::move(plan), has_bias, has_residual](const Buffers& buffers) {
    const float* bias = has_bias ? buffers.in<float>(2) : nullptr;
    const float* residual = has_residual ? buffers.in<float>(3) : nullptr;
    for_chunks(buffers.workers, plan.g.groups * plan.product.chunks(), [&](int64_t chunk, int worker) {
      run_chunk(plan, buffers, bias, residual, chunk, buffers.scratch + static_cast<size_t>(worker) * plan.worker_bytes());
    });
  };
  return Kernel(run, bytes);
}

}  // namespace tercel::kernels::x86
