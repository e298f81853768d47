#include "kernels/x86/conv_rows_source.h"

#include <cstring>

namespace tercel::kernels::x86 {

namespace {

// The taps of the block in kernel rows that lie inside the input for any pixel of output rows first_y .. last_y.
RunRange taps_inside(const ConvGeometry& g, int64_t first_y, int64_t last_y, const DepthBlock& block) {
  const int64_t below = g.pad_top - last_y * g.stride_h, above = g.height + g.pad_top - first_y * g.stride_h;
  const int64_t first_ky = below <= 0 ? 0 : (below + g.dilation_h - 1) / g.dilation_h;
  const int64_t end_ky = above <= 0 ? 0 : (above + g.dilation_h - 1) / g.dilation_h;
  const int64_t first = std::clamp<int64_t>(first_ky * g.kernel_w - block.run, 0, block.runs);
  return {first, std::clamp<int64_t>(end_ky * g.kernel_w - block.run, first, block.runs) - first};
}

}  // namespace

RunRange ConvTaps::fill(int64_t pixel, int count, const DepthBlock& block, const float** starts) const {
  int64_t x = pixel % g.out_width, y = pixel / g.out_width % g.out_height, n = pixel / (g.out_width * g.out_height);
  const int64_t row_floats = g.width * g.channels, last_y = y + (x + count - 1) / g.out_width;
  const RunRange runs = last_y < g.out_height ? taps_inside(g, y, last_y, block) : RunRange{0, block.runs};
  for (int i = 0; i < count; ++i) {
    const int64_t top = y * g.stride_h - g.pad_top, left = x * g.stride_w - g.pad_left;
    const float* image = input + n * g.height * row_floats + block.offset;
    int64_t ky = (block.run + runs.first) / g.kernel_w, kx = (block.run + runs.first) % g.kernel_w;
    const float** start = starts + i;
    for (int64_t r = 0; r < runs.count; ++r, start += count) {
      const int64_t in_y = top + ky * g.dilation_h, in_x = left + kx * g.dilation_w;
      const bool inside = static_cast<uint64_t>(in_y) < static_cast<uint64_t>(g.height) &&
                          static_cast<uint64_t>(in_x) < static_cast<uint64_t>(g.width);
      *start = inside ? image + in_y * row_floats + in_x * g.channels : zeros;
      if (++kx == g.kernel_w) kx = 0, ++ky;
    }
    if (++x == g.out_width) {
      x = 0;
      if (++y == g.out_height) y = 0, ++n;
    }
  }
  return runs;
}

void ConvStrip::load(const float* input, int64_t pixel0, int64_t pixel1) {
  const int64_t image_pixels = g.out_width * g.out_height, n = pixel0 / image_pixels;
  first_pixel = n * image_pixels;
  first_y = (pixel0 - first_pixel) / g.out_width;
  const int64_t last_y = (pixel1 - 1 - first_pixel) / g.out_width, rows = rows_of(g, last_y - first_y + 1);
  const int64_t columns = (g.out_width - 1) * g.stride_w + g.kernel_w, floats = row_floats(g),
                top = first_y * g.stride_h - g.pad_top;
  const int64_t before = std::min(g.pad_left, columns), inside = std::clamp<int64_t>(columns - before, 0, g.width);
  for (int64_t r = 0; r < rows; ++r) {
    float* to = strip + r * floats;
    const int64_t y = top + r;
    if (y < 0 || y >= g.height) {
      std::memset(to, 0, static_cast<size_t>(floats) * sizeof(float));
      continue;
    }
    std::memset(to, 0, static_cast<size_t>(before * g.channels) * sizeof(float));
    std::memcpy(to + before * g.channels, input + (n * g.height + y) * g.width * g.channels,
                static_cast<size_t>(inside * g.channels) * sizeof(float));
    std::memset(to + (before + inside) * g.channels, 0,
                static_cast<size_t>((columns - before - inside) * g.channels) * sizeof(float));
  }
}

RunRange ConvStrip::fill(int64_t pixel, int count, const DepthBlock& block, const float** starts) const {
  const int64_t floats = row_floats(g);
  int64_t x = (pixel - first_pixel) % g.out_width, y = (pixel - first_pixel) / g.out_width - first_y;
  for (int i = 0; i < count; ++i) {
    const float* start =
        strip + (y * g.stride_h + block.run * g.dilation_h) * floats + x * g.stride_w * g.channels + block.offset;
    for (int64_t r = 0; r < block.runs; ++r, start += g.dilation_h * floats) starts[r * count + i] = start;
    if (++x == g.out_width) x = 0, ++y;
  }
  return {0, block.runs};
}

}  // namespace tercel::kernels::x86
