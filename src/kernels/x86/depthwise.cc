#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/x86/conv.h"
#include "kernels/x86/conv_geometry.h"
#include "kernels/x86/epilogue.h"
#include "kernels/x86/product.h"

namespace tercel::kernels::x86 {

namespace {

constexpr int64_t kTapsMax = 128;            // of a kernel; their addresses lie on the stack
constexpr int64_t kChunkFloats = 16 * 1024;  // of output, for a chunk: a few microseconds
constexpr int64_t kSmallFloats = 3 * 1024;   // of the first few, so that small steps are shared too

struct DepthwisePlan {
  ConvGeometry g;
  const Leaf* leaf;
  DepthwiseFunction run = nullptr;  // of whole rows; null: none for this kernel, pixels one by one
  int64_t channel_block = 0;
  const float* weights = nullptr;
  Epilogue epilogue;
  int64_t channel_blocks() const { return (g.channels + channel_block - 1) / channel_block; }
};

struct DepthwiseBuffers {
  const float *input, *bias, *residual;
  float* out;
};

// Channels whose kernel rows of input stay in a first-level cache while the output rows that share them go by; but whole
// pairs of cache lines, which are fetched together.
int64_t channel_block(const ConvGeometry& g, const Leaf& leaf) {
  constexpr int64_t kRowsFloats = 6 * 1024, kLeast = 32;
  const int64_t fits = kRowsFloats / std::max<int64_t>(1, g.kernel_h * g.width);
  const int64_t block = static_cast<int64_t>(align_up(static_cast<size_t>(std::max(fits, kLeast)), kLeast));
  const int64_t blocks = std::max<int64_t>(1, g.channels / block);  // a rest joins the others
  return std::max<int64_t>(leaf.lanes,
                           static_cast<int64_t>(align_up(static_cast<size_t>((g.channels + blocks - 1) / blocks), kLeast)));
}

void run_pixel(const DepthwisePlan& plan, const DepthwiseBuffers& b, int64_t n, int64_t y, int64_t x) {
  const ConvGeometry& g = plan.g;
  std::array<const float*, kTapsMax> inputs, weights;
  int64_t taps = 0;
  for (int64_t ky = 0; ky < g.kernel_h; ++ky)
    for (int64_t kx = 0; kx < g.kernel_w; ++kx) {
      const int64_t in_y = y * g.stride_h - g.pad_top + ky * g.dilation_h, in_x = x * g.stride_w - g.pad_left + kx * g.dilation_w;
      if (in_y < 0 || in_y >= g.height || in_x < 0 || in_x >= g.width) continue;
      inputs[static_cast<size_t>(taps)] = b.input + ((n * g.height + in_y) * g.width + in_x) * g.channels;
      weights[static_cast<size_t>(taps++)] = plan.weights + (ky * g.kernel_w + kx) * g.channels;
    }
  const int64_t at = ((n * g.out_height + y) * g.out_width + x) * g.channels;
  plan.leaf->depthwise_pixel({inputs.data(), weights.data(), taps, b.bias, b.residual ? b.residual + at : nullptr, b.out + at,
                              g.channels, plan.epilogue});
}

void run_rows(const DepthwisePlan& plan, const DepthwiseBuffers& b, int64_t begin, int64_t end, int64_t block) {
  const ConvGeometry& g = plan.g;
  if (!plan.run) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t x = 0; x < g.out_width; ++x) run_pixel(plan, b, row / g.out_height, row % g.out_height, x);
    return;
  }
  const int64_t channel = block * plan.channel_block;
  plan.run({b.input,
            plan.weights,
            b.bias,
            b.residual,
            b.out,
            g.height,
            g.width,
            g.channels,
            g.out_height,
            g.out_width,
            g.kernel_h,
            -g.pad_top,
            -g.pad_left,
            g.stride_h,
            g.dilation_h,
            begin,
            end,
            channel,
            std::min(g.channels, channel + plan.channel_block),
            plan.epilogue});
}

}  // namespace

Refusal depthwise_accepts(const StepContext& context, const Leaf& leaf) {
  const auto geometry = conv_geometry(context);
  if (!geometry.ok()) return geometry.error().message();
  if (geometry->groups != geometry->channels || geometry->out_channels != geometry->channels) return "wants one channel a group";
  if (geometry->channels < leaf.lanes) return "wants at least " + std::to_string(leaf.lanes) + " channels";
  if (geometry->taps() > kTapsMax) return "wants at most " + std::to_string(kTapsMax) + " taps";
  return "";
}

size_t depthwise_packed_bytes(const StepContext& context) { return context.in(1).bytes(); }

// [tap][channel], from [channel, 1, taps].
void depthwise_pack(const StepContext& context, std::span<std::byte> packed) {
  const Shape& w = context.in(1).shape;
  const int64_t channels = w.size(0), taps = w.elements(2, w.rank());
  const auto source = static_cast<const std::byte*>(context.constant(1)->data());
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t c = 0; c < channels; ++c)
      std::memcpy(packed.data() + static_cast<size_t>(t * channels + c) * sizeof(float),
                  source + static_cast<size_t>(c * taps + t) * sizeof(float), sizeof(float));
}

Result<Kernel> depthwise_bind(const StepContext& context, const Leaf& leaf) {
  DepthwisePlan plan{TRY(conv_geometry(context)), &leaf};
  plan.weights = reinterpret_cast<const float*>(context.packed.data());
  plan.epilogue = epilogue_of(TRY(ops::activation_of(context.attributes)));
  const ConvGeometry& g = plan.g;
  const bool known = (g.kernel_w == 3 || g.kernel_w == 5) && (g.stride_w == 1 || g.stride_w == 2) && g.dilation_w == 1;
  if (known) plan.run = leaf.depthwise[(g.kernel_w - 3) / 2][g.stride_w - 1];
  plan.channel_block = known ? channel_block(g, leaf) : g.channels;

  const bool has_bias = context.has(2), has_residual = context.has(3);
  const int64_t rows = g.batch * g.out_height, blocks = plan.channel_blocks(), floats = rows * g.out_width * g.channels;
  const auto chunks_of = [](int64_t n) {
    return std::max(n / kChunkFloats, std::min(n / kSmallFloats, static_cast<int64_t>(kFirstChunks)));
  };
  const int64_t row_parts = std::clamp<int64_t>(chunks_of(floats / blocks), 1, std::max<int64_t>(1, rows));
  const int64_t chunks = row_parts * blocks;
  const int64_t tasks = std::clamp<int64_t>(chunks_of(floats), 1, std::min(chunks, kChunksMax));
  return Kernel([=](const Buffers& buffers) {
    if (floats == 0) return;
    const DepthwiseBuffers b{buffers.in<float>(0), has_bias ? buffers.in<float>(2) : nullptr,
                             has_residual ? buffers.in<float>(3) : nullptr, buffers.out<float>()};
    const auto run_chunk = [&](int64_t chunk, int) {
      const int64_t part = chunk / blocks, block = chunk % blocks;
      run_rows(plan, b, rows * part / row_parts, rows * (part + 1) / row_parts, block);
    };
    for_chunks(buffers.workers, chunks, run_chunk, tasks);
  });
}

}  // namespace tercel::kernels::x86
