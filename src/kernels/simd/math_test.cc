#include <gtest/gtest.h>

#include <cmath>

#include "kernels/simd/elementwise_leaves.h"
#include "kernels/simd/row_check.h"
#include "kernels/simd/targets.h"

namespace tercel::kernels::simd {
namespace {

using Code = ops::ElementwiseCode;

double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double gelu_tanh(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Function {
  const char* name;
  Code code;
  double (*exact)(double);
  float low, high;
  double ulps;      // allowed, of the exact value
  double absolute;  // or this
};

const Function kFunctions[] = {
    {"exp", Code::kExp, std::exp, -110, 95, 2, 0},
    {"log", Code::kLog, std::log, 0, 3e38f, 2, 0},
    {"log near 1", Code::kLog, std::log, 0.5f, 2, 2, 0},
    {"tanh", Code::kTanh, std::tanh, -12, 12, 8, 0},
    {"tanh near 0", Code::kTanh, std::tanh, -1e-3f, 1e-3f, 4, 0},
    {"sigmoid", Code::kSigmoid, sigmoid, -87, 95, 4, 0},
    {"erf", Code::kErf, std::erf, -5, 5, 8, 0},
    {"erf near 0", Code::kErf, std::erf, -1e-3f, 1e-3f, 4, 0},
    {"sin", Code::kSin, std::sin, -9e4f, 9e4f, 3, 1e-7},
    {"sin near 0", Code::kSin, std::sin, -4, 4, 3, 0},
    {"sin far", Code::kSin, std::sin, -1e8f, 1e8f, 3, 0},
    {"cos", Code::kCos, std::cos, -9e4f, 9e4f, 3, 1e-7},
    {"softplus", Code::kSoftplus, softplus, -95, 95, 4, 0},
    {"silu", Code::kSilu, [](double x) { return x * sigmoid(x); }, -85, 85, 5, 0},
    {"gelu", Code::kGelu, gelu, -12, 12, 8, 2e-6},
    {"gelu tanh", Code::kGeluTanh, gelu_tanh, -12, 12, 8, 2e-6},
};

double ulps_between(float got, double want) {
  const float rounded = static_cast<float>(want);
  if (got == rounded || (std::isnan(got) && std::isnan(want))) return 0;
  const double ulp =
      std::max(std::fabs(std::nextafter(std::fabs(rounded), INFINITY) - static_cast<double>(std::fabs(rounded))), 1.4e-45);
  return std::fabs(got - want) / ulp;
}

TEST(Math, StaysWithinItsBoundsOnEveryTarget) {
  std::mt19937 random(test_seed());
  for (const platform::Isa& isa : host_isas()) {
    for (const Function& f : kFunctions) {
      const Tensor x = random_floats(random, {200003}, f.low, f.high);
      std::vector<float> y(200003);
      find_leaf(f.code, 0, isa)(x.as<float>(), nullptr, nullptr, y.data(), y.size());
      double worst = 0;
      for (size_t i = 0; i < y.size(); ++i) {
        const double want = f.exact(x.as<float>()[i]);
        if (std::fabs(y[i] - want) > f.absolute) worst = std::max(worst, ulps_between(y[i], want));
      }
      std::printf("  %-12s on %s: %.2f ulp\n", f.name, target_name(isa).c_str(), worst);
      EXPECT_LE(worst, f.ulps) << f.name << " on " << target_name(isa) << ", seed " << test_seed();
    }
  }
}

TEST(Math, TakesTheEdgesOfTheRange) {
  const float inf = INFINITY, nan = NAN;
  struct Edge {
    Code code;
    float x, y;
  };
  const Edge kEdges[] = {
      {Code::kExp, inf, inf},       {Code::kExp, -inf, 0},
      {Code::kExp, nan, nan},       {Code::kExp, 0, 1},
      {Code::kExp, 89, inf},        {Code::kExp, -200, 0},
      {Code::kLog, 0, -inf},        {Code::kLog, -0.0f, -inf},
      {Code::kLog, -1, nan},        {Code::kLog, inf, inf},
      {Code::kLog, nan, nan},       {Code::kLog, -inf, nan},
      {Code::kLog, 1, 0},           {Code::kLog, 1e-40f, static_cast<float>(std::log(static_cast<double>(1e-40f)))},
      {Code::kTanh, inf, 1},        {Code::kTanh, -inf, -1},
      {Code::kTanh, nan, nan},      {Code::kTanh, 0, 0},
      {Code::kSigmoid, inf, 1},     {Code::kSigmoid, -inf, 0},
      {Code::kSigmoid, nan, nan},   {Code::kSigmoid, 0, 0.5f},
      {Code::kErf, inf, 1},         {Code::kErf, -inf, -1},
      {Code::kErf, nan, nan},       {Code::kSin, nan, nan},
      {Code::kSin, inf, nan},       {Code::kCos, -inf, nan},
      {Code::kSoftplus, inf, inf},  {Code::kSoftplus, -inf, 0},
      {Code::kSoftplus, nan, nan},  {Code::kGelu, inf, inf},
      {Code::kGelu, nan, nan},      {Code::kRelu, nan, nan},
      {Code::kRelu, -inf, 0},       {Code::kHardSwish, nan, nan},
      {Code::kHardSwish, inf, inf},
  };
  for (const platform::Isa& isa : host_isas()) {
    for (const Edge& edge : kEdges) {
      float y[3] = {7, 7, 7};
      const float x[3] = {edge.x, edge.x, edge.x};
      find_leaf(edge.code, 0, isa)(x, nullptr, nullptr, y, 3);
      for (float got : y)
        EXPECT_TRUE(std::isnan(edge.y) ? std::isnan(got) : std::fabs(got - edge.y) <= 1e-6f * std::fabs(edge.y) || got == edge.y)
            << "code " << static_cast<int>(edge.code) << " of " << edge.x << " is " << got << " on " << target_name(isa);
    }
  }
}

TEST(Targets, CoverTheHost) {
  std::string names;
  for (const platform::Isa& isa : host_isas()) names += target_name(isa) + " ";
  EXPECT_NE(names.find("SSE4"), std::string::npos);
}

}  // namespace
}  // namespace tercel::kernels::simd
