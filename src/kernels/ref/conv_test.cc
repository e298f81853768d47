#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

struct ConvShape {
  int64_t n, c, h, w, o, group, kh, kw;
  std::vector<int64_t> strides, dilations, pads;  // pads: top, left, bottom, right
};

ConvShape draw_conv(std::mt19937_64& random) {
  const auto pick = [&](int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); };
  ConvShape s{};
  s.group = pick(1, 3);
  s.n = pick(0, 2), s.c = s.group * pick(1, 2), s.o = s.group * pick(1, 3), s.kh = pick(1, 3), s.kw = pick(1, 3);
  s.strides = {pick(1, 3), pick(1, 3)}, s.dilations = {pick(1, 2), pick(1, 2)},
  s.pads = {pick(0, 2), pick(0, 2), pick(0, 2), pick(0, 2)};
  s.h = (s.kh - 1) * s.dilations[0] + pick(1, 5), s.w = (s.kw - 1) * s.dilations[1] + pick(1, 5);
  return s;
}

ops::Attributes conv_attributes(const ConvShape& s) {
  return attributes({{"group", s.group}, {"strides", s.strides}, {"dilations", s.dilations}, {"pads", s.pads}});
}

// The sum of the definition, element by element, by way of a padded copy.
Tensor convolve(const ConvShape& s, const Tensor& x, const Tensor& w, const Tensor& bias) {
  const int64_t height = s.h + s.pads[0] + s.pads[2], width = s.w + s.pads[1] + s.pads[3];
  std::vector<double> padded(static_cast<size_t>(s.n * s.c * height * width), 0.0);
  for (int64_t i = 0; i < x.elements(); ++i) {
    const int64_t column = i % s.w + s.pads[1], row = i / s.w % s.h + s.pads[0], plane = i / (s.w * s.h);
    padded[static_cast<size_t>((plane * height + row) * width + column)] = at(x, i);
  }
  const int64_t oh = (height - (s.kh - 1) * s.dilations[0] - 1) / s.strides[0] + 1,
                ow = (width - (s.kw - 1) * s.dilations[1] - 1) / s.strides[1] + 1;
  Tensor y = Tensor::zeros(DType::kFloat32, {Dim(s.n), Dim(s.o), Dim(oh), Dim(ow)}).value();
  const int64_t per_group = s.c / s.group;
  for (int64_t i = 0; i < y.elements(); ++i) {
    const int64_t j = i % ow, k = i / ow % oh, out = i / (ow * oh) % s.o, batch = i / (ow * oh * s.o);
    double sum = at(bias, out);
    for (int64_t c = 0; c < per_group; ++c)
      for (int64_t a = 0; a < s.kh; ++a)
        for (int64_t b = 0; b < s.kw; ++b) {
          const int64_t plane = batch * s.c + out / (s.o / s.group) * per_group + c;
          const int64_t row = k * s.strides[0] + a * s.dilations[0], column = j * s.strides[1] + b * s.dilations[1];
          sum += padded[static_cast<size_t>((plane * height + row) * width + column)] *
                 at(w, ((out * per_group + c) * s.kh + a) * s.kw + b);
        }
    y.mutable_as<float>()[i] = static_cast<float>(sum);
  }
  return y;
}

Tensor channels_last(const Tensor& x) {
  const Shape& s = x.shape();
  Tensor y = Tensor::zeros(x.dtype(), {s[0], s[2], s[3], s[1]}).value();
  const int64_t channels = s.size(1), points = s.size(2) * s.size(3);
  for (int64_t i = 0; i < x.elements(); ++i)
    y.mutable_as<float>()[(i / (points * channels) * points + i % points) * channels + i / points % channels] = at(x, i);
  return y;
}

TEST(Conv, FollowsItsDefinition) {
  std::mt19937_64 random(test_seed());
  for (int i = 0; i < 60; ++i) {
    const ConvShape s = draw_conv(random);
    const Tensor x = random_f32({s.n, s.c, s.h, s.w}, random), w = random_f32({s.o, s.c / s.group, s.kh, s.kw}, random),
                 bias = random_f32({s.o}, random);
    const Tensor expected = convolve(s, x, w, bias);
    expect_near(run({"Conv", conv_attributes(s), {x, w, bias}}), expected, 1e-5);
    ops::Attributes last = conv_attributes(s);
    last.set("channels_last", int64_t{1});
    expect_near(run({"Conv", last, {channels_last(x), w, bias}}), channels_last(expected), 1e-5);
    // A residual and an activation, after everything else.
    last.set("activation", std::string("LeakyRelu"));
    last.set("activation_alpha", 0.25f);
    const Tensor residual = random_f32(channels_last(expected).shape(), random);
    Tensor fused = channels_last(expected);
    for (int64_t k = 0; k < fused.elements(); ++k) {
      const float sum = at(fused, k) + at(residual, k);
      fused.mutable_as<float>()[k] = sum < 0 ? 0.25f * sum : sum;
    }
    expect_near(run({"Conv", last, {channels_last(x), w, bias, residual}}), fused, 1e-5);
    if (testing::Test::HasFailure()) return;
  }
}

double inner_product(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.elements(); ++i) sum += static_cast<double>(at(a, i)) * at(b, i);
  return sum;
}

// ConvTranspose is the adjoint of Conv: <conv(x), y> = <x, transpose(y)>, for any x and y.
TEST(Conv, TransposeIsTheAdjoint) {
  std::mt19937_64 random(test_seed());
  for (int i = 0; i < 60; ++i) {
    const ConvShape s = draw_conv(random);
    const Tensor x = random_f32({s.n, s.c, s.h, s.w}, random), w = random_f32({s.o, s.c / s.group, s.kh, s.kw}, random);
    const Tensor forward = run({"Conv", conv_attributes(s), {x, w}});
    const Tensor y = random_f32(forward.shape(), random);
    ops::Attributes transpose = conv_attributes(s);
    // What the strides leave over at the end of the input comes back as output padding.
    const auto left_over = [&](int64_t extent, int64_t out, int axis, int64_t kernel) {
      const auto a = static_cast<size_t>(axis);
      return extent + s.pads[a] + s.pads[a + 2] - ((out - 1) * s.strides[a] + (kernel - 1) * s.dilations[a] + 1);
    };
    transpose.set("output_padding", std::vector<int64_t>{left_over(s.h, forward.shape().size(2), 0, s.kh),
                                                         left_over(s.w, forward.shape().size(3), 1, s.kw)});
    const Tensor back = run({"ConvTranspose", transpose, {y, w}});
    ASSERT_EQ(to_string(back.shape()), to_string(x.shape()));
    const double expected = inner_product(forward, y);
    EXPECT_NEAR(inner_product(x, back), expected, 1e-4 * std::fmax(1, std::fabs(expected)));
    transpose.set("channels_last", int64_t{1});
    expect_near(run({"ConvTranspose", transpose, {channels_last(y), w}}), channels_last(back), 1e-5);
  }
}

// With zero offsets and no mask, deformable convolution is convolution.
TEST(Conv, DeformedWithoutOffsetsIsConv) {
  std::mt19937_64 random(test_seed());
  for (int i = 0; i < 20; ++i) {
    const ConvShape s = draw_conv(random);
    const Tensor x = random_f32({s.n, s.c, s.h, s.w}, random), w = random_f32({s.o, s.c / s.group, s.kh, s.kw}, random);
    const Tensor forward = run({"Conv", conv_attributes(s), {x, w}});
    const Tensor offset =
        Tensor::zeros(DType::kFloat32, {Dim(s.n), Dim(2 * s.kh * s.kw), forward.shape()[2], forward.shape()[3]}).value();
    expect_near(run({"DeformConv", conv_attributes(s), {x, w, offset}}), forward, 1e-5);
  }
}

TEST(Conv, Padding) {
  const Tensor x = f32({1, 1, 4}, {1, 2, 3, 4}), w = f32({1, 1, 2}, {1, 10});
  check_values({
      {"one axis", "Conv", {}, {x, w}, f32({1, 1, 3}, {21, 32, 43})},
      {"same, extra behind", "Conv", attributes({{"auto_pad", text("SAME_UPPER")}}), {x, w}, f32({1, 1, 4}, {21, 32, 43, 4})},
      {"same, extra in front", "Conv", attributes({{"auto_pad", text("SAME_LOWER")}}), {x, w}, f32({1, 1, 4}, {10, 21, 32, 43})},
      {"three axes", "Conv", {}, {f32({1, 1, 1, 1, 2}, {3, 4}), f32({1, 1, 1, 1, 2}, {1, 10})}, f32({1, 1, 1, 1, 1}, {43})},
      {"spread",
       "ConvTranspose",
       attributes({{"strides", ints({2})}}),
       {f32({1, 1, 2}, {1, 2}), w},
       f32({1, 1, 4}, {1, 10, 2, 20})},
      {"wanted shape",
       "ConvTranspose",
       attributes({{"strides", ints({2})}, {"output_shape", ints({3})}}),
       {f32({1, 1, 2}, {1, 2}), w},
       f32({1, 1, 3}, {10, 2, 20})},
  });
  check_refusals({
      {"Conv", {}, {x, f32({1, 2, 2}, {1, 1, 1, 1})}, "channels"},
      {"Conv", {}, {x, f32({1, 1, 5}, {1, 1, 1, 1, 1})}, "window"},
      {"Conv", attributes({{"strides", ints({0})}}), {x, w}, "strides"},
      {"Conv", attributes({{"pads", ints({-1, 0})}}), {x, w}, "pads"},
      {"Conv", attributes({{"pads", ints({1})}}), {x, w}, "pads"},
      {"Conv", attributes({{"group", int64_t{0}}}), {x, w}, "group"},
      {"Conv", attributes({{"kernel_shape", ints({3})}}), {x, w}, "kernel_shape"},
      {"Conv", attributes({{"auto_pad", text("BOTH")}}), {x, w}, "auto_pad"},
      {"Conv", attributes({{"activation", text("Magic")}}), {x, w}, "Magic"},
      {"MaxPool", {}, {x}, "kernel_shape"},
      {"ConvTranspose", attributes({{"pads", ints({9, 9})}}), {x, w}, "padding"},
  });
}

}  // namespace
}  // namespace tercel::kernels
