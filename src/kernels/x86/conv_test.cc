#include "kernels/x86/row_check.h"
#include "ops/activation.h"

namespace tercel::kernels::x86 {
namespace {

struct ConvCase {
  int64_t n, h, w, c, o, kh, kw;
  int64_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, groups = 1;
  std::vector<int64_t> pads = {0, 0, 0, 0};  // top, left, bottom, right
  std::string auto_pad;
  bool bias = true, residual = false, one_axis = false;  // one_axis: h = kh = 1, shapes without that axis
  ops::Activation activation{};
};

std::string describe(const ConvCase& c) {
  std::string s = "conv";
  for (const int64_t v : {c.n, c.h, c.w, c.c, c.o, c.kh, c.kw, c.stride_h, c.stride_w, c.dilation_h, c.dilation_w, c.groups})
    s += " " + std::to_string(v);
  for (const int64_t v : c.pads) s += " p" + std::to_string(v);
  return s + c.auto_pad + (c.one_axis ? " 1-D" : "") + (c.residual ? " residual " : " ") +
         std::string(ops::activation_name(c.activation.kind));
}

struct Out {
  int64_t h, w, top, left;
};

Out out_of(const ConvCase& c) {
  const int64_t span_h = (c.kh - 1) * c.dilation_h + 1, span_w = (c.kw - 1) * c.dilation_w + 1;
  if (c.auto_pad.starts_with("SAME")) {
    const int64_t oh = (c.h + c.stride_h - 1) / c.stride_h, ow = (c.w + c.stride_w - 1) / c.stride_w;
    const int64_t ph = std::max<int64_t>(0, (oh - 1) * c.stride_h + span_h - c.h),
                  pw = std::max<int64_t>(0, (ow - 1) * c.stride_w + span_w - c.w);
    const bool upper = c.auto_pad == "SAME_UPPER";
    return {oh, ow, upper ? ph / 2 : (ph + 1) / 2, upper ? pw / 2 : (pw + 1) / 2};
  }
  const auto extent = [](int64_t in, int64_t before, int64_t after, int64_t span, int64_t stride) {
    return in + before + after < span ? 0 : (in + before + after - span) / stride + 1;
  };
  return {extent(c.h, c.pads[0], c.pads[2], span_h, c.stride_h), extent(c.w, c.pads[1], c.pads[3], span_w, c.stride_w), c.pads[0],
          c.pads[1]};
}

Step conv_step(const ConvCase& c, std::mt19937_64& random) {
  const Out out = out_of(c);
  const auto shape = [&](int64_t h, int64_t w, int64_t channels) {
    return c.one_axis ? Shape{c.n, w, channels} : Shape{c.n, h, w, channels};
  };
  Step step{"Conv", {}, {}, shape(out.h, out.w, c.o)};
  step.attributes.set("channels_last", int64_t{1});
  step.attributes.set("group", c.groups);
  using Ints = std::vector<int64_t>;
  step.attributes.set("strides", c.one_axis ? Ints{c.stride_w} : Ints{c.stride_h, c.stride_w});
  step.attributes.set("dilations", c.one_axis ? Ints{c.dilation_w} : Ints{c.dilation_h, c.dilation_w});
  if (!c.auto_pad.empty()) step.attributes.set("auto_pad", c.auto_pad);
  else step.attributes.set("pads", c.one_axis ? Ints{c.pads[1], c.pads[3]} : c.pads);
  ops::set_activation(step.attributes, c.activation);
  step.inputs.push_back(random_floats(shape(c.h, c.w, c.c), random));
  step.inputs.push_back(
      random_floats(c.one_axis ? Shape{c.o, c.c / c.groups, c.kw} : Shape{c.o, c.c / c.groups, c.kh, c.kw}, random));
  step.inputs.push_back(c.bias ? std::optional(random_floats({c.o}, random)) : std::nullopt);
  step.inputs.push_back(c.residual ? std::optional(random_floats(step.out, random)) : std::nullopt);
  return step;
}

Expected conv_expected(const ConvCase& c, const Step& step) {
  Expected e;
  const Out out = out_of(c);
  const Floats &x = *step.inputs[0], &w = *step.inputs[1];
  const int64_t ic = c.c / c.groups, oc = c.o / c.groups;
  for (int64_t p = 0; p < c.n * out.h * out.w; ++p)
    for (int64_t o = 0; o < c.o; ++o) {
      const int64_t ox = p % out.w, oy = p / out.w % out.h, n = p / out.w / out.h;
      const double bias = c.bias ? double((*step.inputs[2])[o]) : 0,
                   residual = c.residual ? double((*step.inputs[3])[p * c.o + o]) : 0;
      double sum = bias + residual, magnitude = std::abs(bias) + std::abs(residual);
      for (int64_t ky = 0; ky < c.kh; ++ky)
        for (int64_t kx = 0; kx < c.kw; ++kx) {
          const int64_t y = oy * c.stride_h - out.top + ky * c.dilation_h, xx = ox * c.stride_w - out.left + kx * c.dilation_w;
          if (y < 0 || y >= c.h || xx < 0 || xx >= c.w) continue;
          for (int64_t i = 0; i < ic; ++i) {
            const double term =
                double(x[((n * c.h + y) * c.w + xx) * c.c + o / oc * ic + i]) * double(w[((o * ic + i) * c.kh + ky) * c.kw + kx]);
            sum += term;
            magnitude += std::abs(term);
          }
        }
      e.value.push_back(ops::apply(c.activation, sum));
      e.magnitude.push_back(magnitude);
    }
  return e;
}

int check_conv(const ConvCase& c, std::mt19937_64& random) {
  const Step step = conv_step(c, random);
  return check_rows(step, conv_expected(c, step), describe(c));
}

TEST(Conv, KnownShapes) {
  std::mt19937_64 random(fresh_seed());
  const std::vector<int64_t> one = {1, 1, 1, 1}, three = {3, 3, 3, 3};
  const ConvCase cases[] = {
      {1, 14, 14, 32, 40, 3, 3, 1, 1, 1, 1, 1, one},
      {2, 7, 7, 64, 64, 3, 3, 1, 1, 1, 1, 1, one, "", true, true},
      {1, 7, 7, 160, 33, 3, 3, 1, 1, 1, 1, 1, one},   // K is cut between taps
      {1, 3, 4, 1030, 20, 3, 2, 1, 1, 1, 1, 1, one},  // and inside taps
      {1, 30, 31, 3, 64, 7, 7, 2, 2, 1, 1, 1, three},
      {3, 9, 9, 3, 8, 3, 3, 2, 2, 1, 1, 1, one},
      {1, 14, 14, 64, 48, 1, 1},
      {2, 9, 9, 512, 70, 1, 1},
      {2, 14, 13, 24, 48, 1, 1, 2, 2},
      {1, 12, 12, 24, 24, 3, 3, 1, 1, 2, 3, 1, {2, 3, 2, 3}},
      {2, 10, 10, 32, 64, 3, 3, 1, 1, 1, 1, 4, one, "", true, true},
      {1, 10, 10, 12, 12, 3, 3, 1, 1, 1, 1, 12, one},
      {1, 10, 10, 12, 24, 3, 3, 1, 1, 1, 1, 12, one},
      {2, 1, 40, 8, 16, 1, 5, 1, 2, 1, 1, 1, {0, 2, 0, 2}, "", true, false, true},
      {2, 1, 40, 32, 32, 1, 9, 1, 1, 1, 2, 32, {0, 8, 0, 8}, "", true, false, true},
      {1, 9, 9, 16, 16, 3, 3, 2, 2, 1, 1, 1, {0, 0, 0, 0}, "SAME_UPPER"},
      {1, 8, 9, 16, 16, 4, 4, 1, 1, 1, 1, 1, {0, 0, 0, 0}, "SAME_LOWER"},
      {1, 1, 1, 16, 16, 3, 3, 1, 1, 1, 1, 1, one},
      {1, 5, 5, 16, 16, 3, 3, 1, 1, 1, 1, 16, {4, 4, 4, 4}},
      {0, 5, 5, 16, 16, 3, 3},
      {1, 5, 5, 0, 16, 3, 3, 1, 1, 1, 1, 1, one},
      {1, 2, 2, 16, 16, 3, 3},
  };
  for (const ConvCase& c : cases) EXPECT_GE(check_conv(c, random), 1) << describe(c);
}

TEST(Conv, DepthwiseShapes) {
  std::mt19937_64 random(fresh_seed() + 1);
  for (const int64_t k : {2, 3, 5, 7})
    for (const int64_t stride : {1, 2, 3})
      for (const int64_t size : {4, 7, 16})
        for (const int64_t channels : {16, 40}) {
          const int64_t pad = k / 2;
          ConvCase c{2,  size, size + 1,   channels, channels, k, k, stride, stride, 1, 1, channels, {pad, pad, pad, pad},
                     "", true, stride == 1};
          c.activation = {ops::ActivationKind::kClip, 0, 6};
          EXPECT_GE(check_conv(c, random), 2) << describe(c);
        }
}

TEST(Conv, RandomShapes) {
  std::mt19937_64 random(fresh_seed() + 2);
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  for (int i = 0; i < 200; ++i) {
    ConvCase c{1 + below(2), 1 + below(14), 1 + below(14), 1 + below(40), 1 + below(70), 1 + below(4),
               1 + below(5), 1 + below(3),  1 + below(3),  1 + below(2),  1 + below(2)};
    if (below(3) == 0) c.groups = 1 + below(4), c.c *= c.groups, c.o *= c.groups;
    if (below(4) == 0) c.c = c.o = c.groups = 4 + below(60);
    c.pads = {below(3), below(4), below(3), below(4)};
    c.bias = below(3) > 0, c.residual = below(3) == 0;
    if (below(4) == 0) c.h = c.kh = c.stride_h = c.dilation_h = 1, c.pads[0] = c.pads[2] = 0, c.one_axis = true;
    c.activation = {static_cast<ops::ActivationKind>(below(11)), 0.1f, 0.6f};
    EXPECT_GE(check_conv(c, random), 1) << describe(c);
  }
}

TEST(Conv, NanReachesOnlyItsNeighbours) {
  std::mt19937_64 random(fresh_seed() + 3);
  for (const int64_t groups : {1, 16}) {
    const ConvCase c{1, 8, 8, 16, 16, 3, 3, 1, 1, 1, 1, groups, {1, 1, 1, 1}};
    Step step = conv_step(c, random);
    (*step.inputs[0])[(3 * 8 + 4) * 16 + 5] = std::nanf("");
    (*step.inputs[0])[0] = INFINITY;
    EXPECT_GE(check_rows(step, conv_expected(c, step), describe(c)), 1);
  }
}

TEST(Conv, RefusesWhatItCannot) {
  std::mt19937_64 random(fresh_seed() + 4);
  Step step = conv_step({1, 8, 8, 16, 16, 3, 3}, random);
  step.attributes.set("channels_last", int64_t{0});
  for (const KernelRow* row : own_rows("Conv")) {
    const Refusal refusal = BoundStep(step, *row, 1).refusal();
    EXPECT_TRUE(refusal == "wants channels last" || refusal.starts_with("needs ")) << refusal;
  }
}

TEST(Conv, RefusesExtentsThatOverflow) {
  std::mt19937_64 random(fresh_seed() + 5);
  Step step = conv_step({1, 8, 8, 16, 16, 3, 3}, random);
  step.attributes.set("dilations", std::vector<int64_t>{INT64_MAX / 2, 1});
  for (const KernelRow* row : own_rows("Conv")) {
    const Refusal refusal = BoundStep(step, *row, 1).refusal();
    EXPECT_TRUE(refusal.starts_with("wants strides, dilations") || refusal.starts_with("needs ")) << refusal;
  }
}

}  // namespace
}  // namespace tercel::kernels::x86
