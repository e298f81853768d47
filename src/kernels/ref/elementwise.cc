#include <cmath>
#include <cstring>

#include "kernels/families.h"
#include "kernels/ref/pointwise.h"
#include "kernels/ref/strided_copy.h"
#include "ops/activation.h"

namespace tercel::kernels {

namespace {

using ops::ActivationKind;
using ops::Attributes;

constexpr auto integer = [](auto x) { return convert<uint64_t>(x); };

// Integers wrap around, as they do in every framework that models come from.
constexpr auto add = [](auto a, auto b) {
  if constexpr (is_wide_float<decltype(a)>) return a + b;
  else return static_cast<decltype(a)>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
};
constexpr auto subtract = [](auto a, auto b) {
  if constexpr (is_wide_float<decltype(a)>) return a - b;
  else return static_cast<decltype(a)>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
};
constexpr auto multiply = [](auto a, auto b) {
  if constexpr (is_wide_float<decltype(a)>) return a * b;
  else return static_cast<decltype(a)>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
};
// Integers truncate; a division by zero gives 0 instead of a trap.
constexpr auto divide = [](auto a, auto b) {
  using W = decltype(a);
  if constexpr (is_wide_float<W>) return a / b;
  else if (b == 0) return W{0};
  else if constexpr (std::is_signed_v<W>) return b == -1 ? subtract(W{0}, a) : a / b;
  else return a / b;
};
// The remainder with the dividend's sign.
constexpr auto c_remainder = [](auto a, auto b) {
  using W = decltype(a);
  if constexpr (is_wide_float<W>) return std::fmod(a, b);
  else if (b == 0) return W{0};
  else if constexpr (std::is_signed_v<W>) return b == -1 ? W{0} : a % b;
  else return a % b;
};
// The remainder with the divisor's sign.
constexpr auto floor_remainder = [](auto a, auto b) {
  const auto r = c_remainder(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
};
constexpr auto power = [](auto a, auto b) {
  using W = decltype(a);
  if constexpr (is_wide_float<W>) {
    return std::pow(a, b);
  } else {
    if constexpr (std::is_signed_v<W>)
      if (b < 0) return a == 1 ? W{1} : a == -1 ? (b % 2 ? W{-1} : W{1}) : W{0};
    W result = 1;
    for (auto n = static_cast<uint64_t>(b); n > 0; n >>= 1) {
      if (n & 1) result = multiply(result, a);
      a = multiply(a, a);
    }
    return result;
  }
};
constexpr auto negate = [](auto x) {
  if constexpr (is_wide_float<decltype(x)>) return -x;
  else return subtract(decltype(x){0}, x);
};
// The sum with 0 makes -0 positive.
constexpr auto absolute = [](auto x) { return x < 0 ? negate(x) : add(x, decltype(x){0}); };
constexpr auto sign = [](auto x) {
  using W = decltype(x);
  return x < 0 ? static_cast<W>(-1) : 0 < x ? W{1} : x;
};
constexpr auto bit_and = [](auto a, auto b) { return static_cast<decltype(a)>(integer(a) & integer(b)); };
constexpr auto bit_or = [](auto a, auto b) { return static_cast<decltype(a)>(integer(a) | integer(b)); };
constexpr auto bit_xor = [](auto a, auto b) { return static_cast<decltype(a)>(integer(a) ^ integer(b)); };
constexpr auto bit_not = [](auto a) { return static_cast<decltype(a)>(~integer(a)); };
// NaN wins, as in numpy.
constexpr auto larger = [](auto a, auto b) { return is_nan(a) ? a : is_nan(b) ? b : a > b ? a : b; };
constexpr auto smaller = [](auto a, auto b) { return is_nan(a) ? a : is_nan(b) ? b : a < b ? a : b; };

double softplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

template <ActivationKind kind>
constexpr auto activation = [](double x) {
  return std::isnan(x) ? x : ops::apply({kind, 0, 0}, x);
};

Result<Kernel> bind_mod(const StepContext& c) {
  return c.attributes.get_int("fmod", 0) ? bind_numeric<2, c_remainder>(c) : bind_numeric<2, floor_remainder>(c);
}

// The base decides the output's type; an integer base with a fractional exponent is computed in double.
Result<Kernel> bind_pow(const StepContext& c) {
  if (is_float(c.in(1).dtype)) return pointwise<double, 2>(c, power);
  return bind_numeric<2, power>(c);
}

Result<Kernel> bind_bit_shift(const StepContext& c) {
  if (c.attributes.get_string("direction", "") == "LEFT")
    return pointwise<uint64_t, 2>(c, [](uint64_t x, uint64_t by) -> uint64_t { return by < 64 ? x << by : 0; });
  return pointwise<uint64_t, 2>(c, [](uint64_t x, uint64_t by) -> uint64_t { return by < 64 ? x >> by : 0; });
}

Result<Kernel> bind_is_inf(const StepContext& c) {
  const bool negative = c.attributes.get_int("detect_negative", 1), positive = c.attributes.get_int("detect_positive", 1);
  return pointwise<double, 1>(c, [=](double x) -> uint64_t { return std::isinf(x) && (x < 0 ? negative : positive); });
}

Result<Kernel> bind_gelu(const StepContext& c) {
  return c.attributes.get_string("approximate", "none") == "tanh" ? bind_float<activation<ActivationKind::kGeluTanh>>(c)
                                                                  : bind_float<activation<ActivationKind::kGelu>>(c);
}

// The bounds are read while running: they may be computed.
Result<Kernel> bind_clip(const StepContext& c) {
  return visit_wide(c.in(0).dtype, [&]<typename W>() {
    return Kernel([type = c.in(0).dtype, elements = c.out().shape.elements(), has_low = c.has(1),
                   has_high = c.has(2)](const Buffers& buffers) {
      using Limits = std::numeric_limits<W>;
      W low = std::floating_point<W> ? -Limits::infinity() : Limits::lowest();
      W high = std::floating_point<W> ? Limits::infinity() : Limits::max();
      if (has_low) low = load_one<W>(type, buffers.inputs[1], 0);
      if (has_high) high = load_one<W>(type, buffers.inputs[2], 0);
      W block[kWideBlock];
      for (int64_t start = 0; start < elements; start += kWideBlock) {
        const int64_t n = std::min(kWideBlock, elements - start);
        load_wide(type, buffers.inputs[0], start, 1, n, block);
        for (int64_t i = 0; i < n; ++i) {
          const W raised = block[i] < low ? low : block[i];
          block[i] = raised > high ? high : raised;
        }
        store_wide(type, buffers.outputs[0], start, 1, n, block);
      }
    });
  });
}

Result<Kernel> bind_same_bytes(const StepContext& c) { return same_bytes_kernel(c.out().bytes()); }

// Inference: the data passes and the mask is all true.
Result<Kernel> bind_dropout(const StepContext& c) {
  return Kernel(
      [bytes = c.in(0).bytes(), elements = c.in(0).shape.elements(), masks = c.outputs.size() > 1](const Buffers& buffers) {
        if (void* out = buffers.outputs[0]; out && out != buffers.inputs[0] && bytes) std::memcpy(out, buffers.inputs[0], bytes);
        if (masks && buffers.outputs[1] && elements) std::memset(buffers.outputs[1], 1, static_cast<size_t>(elements));
      });
}

constexpr KernelRow kRows[] = {
    pointwise_row("Abs", "abs/ref", bind_numeric<1, absolute>),
    pointwise_row("Acos", "acos/ref", bind_float<[](double x) { return std::acos(x); }>),
    pointwise_row("Acosh", "acosh/ref", bind_float<[](double x) { return std::acosh(x); }>),
    pointwise_row("Add", "add/ref", bind_numeric<2, add>),
    pointwise_row("And", "and/ref", bind_numeric<2, [](auto a, auto b) -> uint64_t { return a != 0 && b != 0; }>),
    pointwise_row("Asin", "asin/ref", bind_float<[](double x) { return std::asin(x); }>),
    pointwise_row("Asinh", "asinh/ref", bind_float<[](double x) { return std::asinh(x); }>),
    pointwise_row("Atan", "atan/ref", bind_float<[](double x) { return std::atan(x); }>),
    pointwise_row("Atanh", "atanh/ref", bind_float<[](double x) { return std::atanh(x); }>),
    pointwise_row("BitCast", "bitcast/ref", bind_same_bytes),
    pointwise_row("BitShift", "bitshift/ref", bind_bit_shift),
    pointwise_row("BitwiseAnd", "bitwiseand/ref", bind_numeric<2, bit_and>),
    pointwise_row("BitwiseNot", "bitwisenot/ref", bind_numeric<1, bit_not>),
    pointwise_row("BitwiseOr", "bitwiseor/ref", bind_numeric<2, bit_or>),
    pointwise_row("BitwiseXor", "bitwisexor/ref", bind_numeric<2, bit_xor>),
    pointwise_row("Cast", "cast/ref", bind_numeric<1, [](auto x) { return x; }>),
    pointwise_row("CastLike", "castlike/ref", bind_numeric<1, [](auto x) { return x; }>),
    pointwise_row("Ceil", "ceil/ref", bind_float<[](double x) { return std::ceil(x); }>),
    pointwise_row("Celu", "celu/ref", bind_float_from<[](const Attributes& a) {
                    return [alpha = a.get_float("alpha", 1)](double x) { return x < 0 ? alpha * std::expm1(x / alpha) : x; };
                  }>),
    pointwise_row("Clip", "clip/ref", bind_clip),
    pointwise_row("Cos", "cos/ref", bind_float<[](double x) { return std::cos(x); }>),
    pointwise_row("Cosh", "cosh/ref", bind_float<[](double x) { return std::cosh(x); }>),
    pointwise_row("Div", "div/ref", bind_numeric<2, divide>),
    pointwise_row("Dropout", "dropout/ref", bind_dropout),
    pointwise_row("Elu", "elu/ref", bind_float_from<[](const Attributes& a) {
                    return [alpha = a.get_float("alpha", 1)](double x) { return x < 0 ? alpha * std::expm1(x) : x; };
                  }>),
    pointwise_row("Equal", "equal/ref", bind_numeric<2, [](auto a, auto b) -> uint64_t { return a == b; }>),
    pointwise_row("Erf", "erf/ref", bind_float<[](double x) { return std::erf(x); }>),
    pointwise_row("Exp", "exp/ref", bind_float<[](double x) { return std::exp(x); }>),
    pointwise_row("Floor", "floor/ref", bind_float<[](double x) { return std::floor(x); }>),
    pointwise_row("Gelu", "gelu/ref", bind_gelu),
    pointwise_row("Greater", "greater/ref", bind_numeric<2, [](auto a, auto b) -> uint64_t { return b < a; }>),
    pointwise_row("GreaterOrEqual", "greaterorequal/ref", bind_numeric<2, [](auto a, auto b) -> uint64_t { return b <= a; }>),
    pointwise_row("HardSigmoid", "hardsigmoid/ref", bind_float_from<[](const Attributes& a) {
                    return [alpha = a.get_float("alpha", 0.2f), beta = a.get_float("beta", 0.5f)](double x) {
                      return ops::apply({ActivationKind::kHardSigmoid, alpha, beta}, x);
                    };
                  }>),
    pointwise_row("HardSwish", "hardswish/ref", bind_float<activation<ActivationKind::kHardSwish>>),
    pointwise_row("Identity", "identity/ref", bind_same_bytes),
    pointwise_row("IsInf", "isinf/ref", bind_is_inf),
    pointwise_row("IsNaN", "isnan/ref", bind_float<[](double x) -> uint64_t { return std::isnan(x); }>),
    pointwise_row("LeakyRelu", "leakyrelu/ref", bind_float_from<[](const Attributes& a) {
                    return [alpha = a.get_float("alpha", 0.01f)](double x) { return x < 0 ? alpha * x : x; };
                  }>),
    pointwise_row("Less", "less/ref", bind_numeric<2, [](auto a, auto b) -> uint64_t { return a < b; }>),
    pointwise_row("LessOrEqual", "lessorequal/ref", bind_numeric<2, [](auto a, auto b) -> uint64_t { return a <= b; }>),
    pointwise_row("Log", "log/ref", bind_float<[](double x) { return std::log(x); }>),
    pointwise_row("Max", "max/ref", bind_fold<larger>),
    pointwise_row("Mean", "mean/ref",
                  bind_fold<add, [](auto sum, size_t count) { return divide(sum, static_cast<decltype(sum)>(count)); }>),
    pointwise_row("Min", "min/ref", bind_fold<smaller>),
    pointwise_row("Mish", "mish/ref", bind_float<[](double x) { return x * std::tanh(softplus(x)); }>),
    pointwise_row("Mod", "mod/ref", bind_mod),
    pointwise_row("Mul", "mul/ref", bind_numeric<2, multiply>),
    pointwise_row("Neg", "neg/ref", bind_numeric<1, negate>),
    pointwise_row("Not", "not/ref", bind_numeric<1, [](auto x) -> uint64_t { return x == 0; }>),
    pointwise_row("Or", "or/ref", bind_numeric<2, [](auto a, auto b) -> uint64_t { return a != 0 || b != 0; }>),
    pointwise_row("PRelu", "prelu/ref", bind_numeric<2, [](auto x, auto slope) { return x < 0 ? multiply(x, slope) : x; }>),
    pointwise_row("Pow", "pow/ref", bind_pow),
    pointwise_row("Reciprocal", "reciprocal/ref", bind_float<[](double x) { return 1 / x; }>),
    pointwise_row("Relu", "relu/ref", bind_numeric<1, [](auto x) { return x < 0 ? decltype(x){0} : x; }>),
    pointwise_row("Round", "round/ref", bind_float<[](double x) { return std::nearbyint(x); }>),
    pointwise_row("Selu", "selu/ref", bind_float_from<[](const Attributes& a) {
                    return [alpha = a.get_float("alpha", 1.67326319217681884765625f),
                            gamma = a.get_float("gamma", 1.05070102214813232421875f)](double x) {
                      return gamma * (x < 0 ? alpha * std::expm1(x) : x);
                    };
                  }>),
    pointwise_row("Shrink", "shrink/ref", bind_float_from<[](const Attributes& a) {
                    return [bias = a.get_float("bias", 0), lambda = a.get_float("lambd", 0.5f)](double x) {
                      return x < -lambda ? x + bias : lambda < x ? x - bias : std::isnan(x) ? x : 0.0;
                    };
                  }>),
    pointwise_row("Sigmoid", "sigmoid/ref", bind_float<sigmoid>),
    pointwise_row("Sign", "sign/ref", bind_numeric<1, sign>),
    pointwise_row("Sin", "sin/ref", bind_float<[](double x) { return std::sin(x); }>),
    pointwise_row("Sinh", "sinh/ref", bind_float<[](double x) { return std::sinh(x); }>),
    pointwise_row("Softplus", "softplus/ref", bind_float<[](double x) { return std::isnan(x) ? x : softplus(x); }>),
    pointwise_row("Softsign", "softsign/ref", bind_float<[](double x) { return x / (1 + std::fabs(x)); }>),
    pointwise_row("Sqrt", "sqrt/ref", bind_float<[](double x) { return std::sqrt(x); }>),
    pointwise_row("Sub", "sub/ref", bind_numeric<2, subtract>),
    pointwise_row("Sum", "sum/ref", bind_fold<add>),
    pointwise_row("Swish", "swish/ref", bind_float_from<[](const Attributes& a) {
                    return [alpha = a.get_float("alpha", 1)](double x) { return x * sigmoid(alpha * x); };
                  }>),
    pointwise_row("Tan", "tan/ref", bind_float<[](double x) { return std::tan(x); }>),
    pointwise_row("Tanh", "tanh/ref", bind_float<[](double x) { return std::tanh(x); }>),
    pointwise_row("ThresholdedRelu", "thresholdedrelu/ref", bind_float_from<[](const Attributes& a) {
                    return [alpha = a.get_float("alpha", 1)](double x) { return alpha < x || std::isnan(x) ? x : 0.0; };
                  }>),
    pointwise_row("Where", "where/ref",
                  bind_numeric<3, [](auto condition, auto x, auto y) { return condition != 0 ? x : y; }, 1>),
    pointwise_row("Xor", "xor/ref", bind_numeric<2, [](auto a, auto b) -> uint64_t { return (a != 0) != (b != 0); }>),
};

}  // namespace

std::span<const KernelRow> ref_elementwise_rows() { return kRows; }

}  // namespace tercel::kernels
