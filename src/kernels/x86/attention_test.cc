#include "kernels/x86/row_check.h"

namespace tercel::kernels::x86 {
namespace {

struct AttentionCase {
  int64_t batch, queries, keys, heads, width, value_width;
  std::vector<int64_t> mask;  // its shape; empty: none
  float scale = 0.2f;
  bool hide = false;  // some keys masked with -infinity
};

void check_attention(const AttentionCase& c, std::mt19937_64& random) {
  Step step{"tercel.Attention", {}, {}, Shape{c.batch, c.queries, c.heads * c.value_width}, false};
  step.attributes.set("num_heads", c.heads);
  step.attributes.set("scale", c.scale);
  step.inputs.push_back(random_floats({c.batch, c.queries, c.heads * c.width}, random, -3, 3));
  step.inputs.push_back(random_floats({c.batch, c.keys, c.heads * c.width}, random, -3, 3));
  step.inputs.push_back(random_floats({c.batch, c.keys, c.heads * c.value_width}, random));
  if (!c.mask.empty()) {
    step.inputs.push_back(random_floats(Shape(std::span<const int64_t>(c.mask)), random));
    for (int64_t i = 1; c.hide && i < step.inputs[3]->size(); i += 3) (*step.inputs[3])[i] = -INFINITY;
  }
  std::vector<int64_t> mask_shape = c.mask;
  while (!mask_shape.empty() && mask_shape.size() < 4) mask_shape.insert(mask_shape.begin(), 1);
  const auto mask_at = [&](int64_t b, int64_t h, int64_t s, int64_t t) {
    if (c.mask.empty()) return 0.0;
    const int64_t index[4] = {b, h, s, t};
    int64_t at = 0;
    for (size_t i = 0; i < 4; ++i) at = at * mask_shape[i] + (mask_shape[i] == 1 ? 0 : index[i]);
    return double((*step.inputs[3])[at]);
  };
  const Floats &q = *step.inputs[0], &k = *step.inputs[1], &v = *step.inputs[2];
  Expected want;
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t s = 0; s < c.queries; ++s)
      for (int64_t h = 0; h < c.heads; ++h) {
        std::vector<double> p;
        double most = -INFINITY, total = 0;
        for (int64_t t = 0; t < c.keys; ++t) {
          double dot = 0;
          for (int64_t d = 0; d < c.width; ++d)
            dot += double(q[((b * c.queries + s) * c.heads + h) * c.width + d]) *
                   double(k[((b * c.keys + t) * c.heads + h) * c.width + d]);
          p.push_back(double(c.scale) * dot + mask_at(b, h, s, t));
          most = std::max(most, p.back());
        }
        for (double& x : p) total += x = std::exp(x - most);
        for (int64_t e = 0; e < c.value_width; ++e) {
          double sum = 0, magnitude = 0;
          for (int64_t t = 0; t < c.keys; ++t) {
            const double term =
                p[static_cast<size_t>(t)] / total * double(v[((b * c.keys + t) * c.heads + h) * c.value_width + e]);
            sum += term;
            magnitude += std::abs(term);
          }
          want.value.push_back(sum);
          want.magnitude.push_back(magnitude);
        }
      }
  std::string where = "attention";
  for (const int64_t x : {c.batch, c.queries, c.keys, c.heads, c.width, c.value_width}) where += " " + std::to_string(x);
  // A score's rounding error, some 1e-6 of the sum of its terms' magnitudes (up to 9 scale width), is a relative one of its
  // weight.
  EXPECT_GE(check_rows(step, want, where, 4e-6 + 1e-7 * 9 * double(c.scale) * double(c.width)), 1);
}

TEST(Attention, KnownShapes) {
  std::mt19937_64 random(fresh_seed());
  const AttentionCase cases[] = {
      {1, 128, 128, 4, 64, 64, {1, 1, 1, 128}},
      {2, 17, 17, 3, 32, 32, {2, 1, 17, 17}, 0.2f, true},
      {1, 1, 1, 2, 16, 16, {}},
      {2, 1, 50, 2, 16, 24, {2, 1, 1, 50}, 0.3f, true},
      {1, 300, 70, 1, 20, 9, {70}},
      {1, 40, 1500, 2, 8, 8, {}},
      {3, 5, 6, 2, 7, 5, {3, 2, 5, 1}},
      {2, 5, 6, 2, 7, 5, {1}},
      {0, 5, 6, 2, 7, 5, {}},
      {1, 5, 0, 2, 7, 5, {}},
  };
  for (const AttentionCase& c : cases) check_attention(c, random);
}

TEST(Attention, RandomShapes) {
  std::mt19937_64 random(fresh_seed() + 1);
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  for (int i = 0; i < 60; ++i) {
    AttentionCase c{1 + below(3), 1 + below(40), 2 + below(70), 1 + below(4), 1 + below(40), 1 + below(40), {}, 0.25f};
    if (below(2)) c.mask = {below(2) ? c.batch : 1, below(2) ? c.heads : 1, below(2) ? c.queries : 1, below(3) ? c.keys : 1};
    check_attention(c, random);
  }
}

TEST(Attention, RefusesAMaskThatDoesNotFit) {
  std::mt19937_64 random(fresh_seed() + 2);
  Step step{"tercel.Attention", {}, {}, Shape{1, 4, 8}, false};
  step.attributes.set("num_heads", int64_t{2});
  step.inputs = {random_floats({1, 4, 8}, random), random_floats({1, 4, 8}, random), random_floats({1, 4, 8}, random),
                 random_floats({3, 4}, random)};
  for (const KernelRow* row : own_rows("tercel.Attention")) {
    const Refusal refusal = BoundStep(step, *row, 1).refusal();
    EXPECT_TRUE(refusal.starts_with("wants a mask") || refusal.starts_with("needs ")) << refusal;
  }
}

}  // namespace
}  // namespace tercel::kernels::x86
