#include <limits>

#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

// x in, f(x) out; float32.
ValueCase unary(std::string_view op, std::initializer_list<double> x, std::initializer_list<double> y,
                ops::Attributes attributes = {}) {
  const Shape shape{Dim(static_cast<int64_t>(x.size()))};
  return {"values", op, std::move(attributes), {f32(shape, x)}, f32(shape, y)};
}

TEST(Elementwise, Unary) {
  check_values({
      unary("Abs", {-1.5, 0, 2, -kInf, kNan}, {1.5, 0, 2, kInf, kNan}),
      unary("Acos", {1, 0, -1}, {0, 1.57079633, 3.14159265}),
      unary("Acosh", {1, 2}, {0, 1.31695790}),
      unary("Asin", {0, 1}, {0, 1.57079633}),
      unary("Asinh", {0, 1}, {0, 0.88137359}),
      unary("Atan", {0, 1, kInf}, {0, 0.78539816, 1.57079633}),
      unary("Atanh", {0, 0.5}, {0, 0.54930614}),
      unary("Ceil", {-1.5, 0.2, 3}, {-1, 1, 3}),
      unary("Celu", {-1, 0, 2}, {-0.78693868, 0, 2}, attributes({{"alpha", 2.0f}})),
      unary("Cos", {0, 1}, {1, 0.54030231}),
      unary("Cosh", {0, 1}, {1, 1.54308063}),
      unary("Elu", {-1, 2}, {-1.26424112, 2}, attributes({{"alpha", 2.0f}})),
      unary("Erf", {0, 0.5, -kInf}, {0, 0.52049988, -1}),
      unary("Exp", {0, 1, -kInf}, {1, 2.71828183, 0}),
      unary("Floor", {-1.5, 0.2}, {-2, 0}),
      unary("Gelu", {-1, 0, 1, kNan}, {-0.15865525, 0, 0.84134475, kNan}),
      unary("Gelu", {-1, 1}, {-0.15880801, 0.84119199}, attributes({{"approximate", text("tanh")}})),
      unary("HardSigmoid", {-5, 0, 5}, {0, 0.5, 1}),
      unary("HardSigmoid", {1}, {0.9}, attributes({{"alpha", 0.5f}, {"beta", 0.4f}})),
      unary("HardSwish", {-4, -1, 1, 4}, {0, -0.33333333, 0.66666667, 4}),
      unary("Identity", {1, kNan}, {1, kNan}),
      unary("LeakyRelu", {-2, 2}, {-0.02, 2}),
      unary("LeakyRelu", {-2, 2}, {-1, 2}, attributes({{"alpha", 0.5f}})),
      unary("Log", {1, 0, -1}, {0, -kInf, kNan}),
      unary("Mish", {-1, 1}, {-0.30340147, 0.86509839}),
      unary("Neg", {1, -2}, {-1, 2}),
      unary("Reciprocal", {2, 0}, {0.5, kInf}),
      unary("Relu", {-1, 0, 2, kNan, -kInf}, {0, 0, 2, kNan, 0}),
      unary("Round", {0.5, 1.5, 2.5, -0.5, -1.5}, {0, 2, 2, 0, -2}),
      unary("Selu", {-1, 1}, {-1.11133074, 1.05070099}),
      unary("Shrink", {-2, 0.5, 2}, {-1.5, 0, 1.5}, attributes({{"lambd", 1.5f}, {"bias", 0.5f}})),
      unary("Sigmoid", {0, -kInf, 2}, {0.5, 0, 0.88079708}),
      unary("Sign", {-3, 0, 3, kNan}, {-1, 0, 1, kNan}),
      unary("Sin", {0, 1}, {0, 0.84147098}),
      unary("Sinh", {0, 1}, {0, 1.17520119}),
      unary("Softplus", {0, 100, -100}, {0.69314718, 100, 0}),
      unary("Softsign", {-1, 3}, {-0.5, 0.75}),
      unary("Sqrt", {4, -1}, {2, kNan}),
      unary("Swish", {1, 2}, {0.73105858, 1.76159416}),
      unary("Swish", {1}, {0.88079708}, attributes({{"alpha", 2.0f}})),
      unary("Tan", {1}, {1.55740772}),
      unary("Tanh", {1, kInf}, {0.76159416, 1}),
      unary("ThresholdedRelu", {1, 2, 3}, {0, 0, 3}, attributes({{"alpha", 2.0f}})),
      {"wide integers", "Abs", {}, {i8({3}, {-128, -1, 5})}, i8({3}, {-128, 1, 5})},
      {"integers", "Neg", {}, {i32({2}, {-2147483648.0, 7})}, i32({2}, {-2147483648.0, -7})},
      {"bits", "BitwiseNot", {}, {u8({2}, {0, 0xf0})}, u8({2}, {255, 0x0f})},
      {"truth", "Not", {}, {boolean({2}, {1, 0})}, boolean({2}, {0, 1})},
      {"both signs", "IsInf", {}, {f32({3}, {kInf, -kInf, 1})}, boolean({3}, {1, 1, 0})},
      {"positive only", "IsInf", attributes({{"detect_negative", int64_t{0}}}), {f32({2}, {kInf, -kInf})}, boolean({2}, {1, 0})},
      {"NaN", "IsNaN", {}, {f32({3}, {kNan, kInf, 0})}, boolean({3}, {1, 0, 0})},
      {"inference", "Dropout", {}, {f32({2}, {1, 2})}, f32({2}, {1, 2})},
  });
}

TEST(Elementwise, Arithmetic) {
  check_values({
      {"broadcasts both ways", "Add", {}, {f32({2, 1}, {1, 2}), f32({3}, {10, 20, 30})}, f32({2, 3}, {11, 21, 31, 12, 22, 32})},
      {"scalars", "Add", {}, {f32({}, {1}), f32({}, {2})}, f32({}, {3})},
      {"empty", "Add", {}, {f32({0, 3}, {}), f32({1, 3}, {1, 2, 3})}, f32({0, 3}, {})},
      {"half floats round once", "Add", {}, {f16({1}, {2048}), f16({1}, {1.5})}, f16({1}, {2050})},
      {"bfloat16", "Mul", {}, {bf16({1}, {3}), bf16({1}, {0.5})}, bf16({1}, {1.5})},
      {"doubles", "Sub", {}, {f64({1}, {1}), f64({1}, {1e-12})}, f64({1}, {1 - 1e-12}), 1e-15},
      {"int32 wraps", "Add", {}, {i32({1}, {2147483647}), i32({1}, {1})}, i32({1}, {-2147483648.0})},
      {"uint8 wraps", "Mul", {}, {u8({1}, {200}), u8({1}, {2})}, u8({1}, {144})},
      {"integers truncate", "Div", {}, {i32({4}, {7, -7, 7, -7}), i32({4}, {2, 2, -2, -2})}, i32({4}, {3, -3, -3, 3})},
      {"no trap", "Div", {}, {i32({2}, {-2147483648.0, 5}), i32({2}, {-1, 0})}, i32({2}, {-2147483648.0, 0})},
      {"floats", "Div", {}, {f32({3}, {1, 0, -1}), f32({3}, {0, 0, 0})}, f32({3}, {kInf, kNan, -kInf})},
      {"sign of the divisor", "Mod", {}, {i32({4}, {7, -7, 7, -7}), i32({4}, {3, 3, -3, -3})}, i32({4}, {1, 2, -2, -1})},
      {"sign of the dividend",
       "Mod",
       attributes({{"fmod", int64_t{1}}}),
       {i32({2}, {-7, 7}), i32({2}, {3, -3})},
       i32({2}, {-1, 1})},
      {"floats", "Mod", attributes({{"fmod", int64_t{1}}}), {f32({2}, {-7.5, 7.5}), f32({2}, {2, 2})}, f32({2}, {-1.5, 1.5})},
      {"by zero", "Mod", {}, {i32({1}, {5}), i32({1}, {0})}, i32({1}, {0})},
      {"floats", "Pow", {}, {f32({3}, {2, 4, -1}), f32({3}, {3, 0.5, 0.5})}, f32({3}, {8, 2, kNan})},
      {"integers", "Pow", {}, {i64({3}, {3, -1, 2}), i64({3}, {4, 3, -1})}, i64({3}, {81, -1, 0})},
      {"integer base", "Pow", {}, {i32({2}, {4, 9}), f32({1}, {0.5})}, i32({2}, {2, 3})},
      {"left",
       "BitShift",
       attributes({{"direction", text("LEFT")}}),
       {u8({3}, {1, 255, 1}), u8({3}, {3, 1, 8})},
       u8({3}, {8, 254, 0})},
      {"right", "BitShift", attributes({{"direction", text("RIGHT")}}), {u64({2}, {16, 1}), u64({2}, {3, 64})}, u64({2}, {2, 0})},
      {"bits", "BitwiseAnd", {}, {i8({2}, {-1, 6}), i8({2}, {3, 3})}, i8({2}, {3, 2})},
      {"bits", "BitwiseOr", {}, {i8({1}, {4}), i8({1}, {3})}, i8({1}, {7})},
      {"bits", "BitwiseXor", {}, {u8({1}, {0xff}), u8({1}, {0x0f})}, u8({1}, {0xf0})},
      {"slope per channel", "PRelu", {}, {f32({2, 2}, {-1, -1, 1, -2}), f32({2}, {0.5, 2})}, f32({2, 2}, {-0.5, -2, 1, -4})},
      {"bits as another type", "BitCast", attributes({{"to", int64_t{6}}}), {f32({1}, {1})}, i32({1}, {0x3f800000})},
  });
}

TEST(Elementwise, ManyInputs) {
  check_values({
      {"NaN wins", "Max", {}, {f32({3}, {1, kNan, 3}), f32({3}, {2, 2, kNan})}, f32({3}, {2, kNan, kNan})},
      {"unsigned", "Max", {}, {u64({1}, {UINT64_MAX}), u64({1}, {1})}, u64({1}, {UINT64_MAX})},
      {"three, broadcast", "Min", {}, {f32({2}, {5, 1}), f32({1}, {3}), f32({2, 1}, {4, 2})}, f32({2, 2}, {3, 1, 2, 1})},
      {"one input", "Sum", {}, {f32({2}, {1, 2})}, f32({2}, {1, 2})},
      {"sums in double", "Sum", {}, {f32({1}, {16777216}), f32({1}, {1}), f32({1}, {1})}, f32({1}, {16777218})},
      {"average", "Mean", {}, {f32({2}, {1, 2}), f32({2}, {3, 6}), f32({2}, {5, 1})}, f32({2}, {3, 3})},
  });
}

TEST(Elementwise, ChoosingAndComparing) {
  const Tensor a = f32({4}, {1, 2, 3, kNan}), b = f32({4}, {2, 2, 2, kNan});
  check_values({
      {"floats", "Equal", {}, {a, b}, boolean({4}, {0, 1, 0, 0})},
      {"large integers differ", "Equal", {}, {i64({1}, {9007199254740992}), i64({1}, {9007199254740993})}, boolean({1}, {0})},
      {"truth", "Equal", {}, {boolean({2}, {0, 1}), boolean({2}, {1, 1})}, boolean({2}, {0, 1})},
      {"floats", "Greater", {}, {a, b}, boolean({4}, {0, 0, 1, 0})},
      {"floats", "GreaterOrEqual", {}, {a, b}, boolean({4}, {0, 1, 1, 0})},
      {"floats", "Less", {}, {a, b}, boolean({4}, {1, 0, 0, 0})},
      {"floats", "LessOrEqual", {}, {a, b}, boolean({4}, {1, 1, 0, 0})},
      {"unsigned", "Less", {}, {u64({1}, {1}), u64({1}, {UINT64_MAX})}, boolean({1}, {1})},
      {"truth", "And", {}, {boolean({4}, {0, 0, 1, 1}), boolean({4}, {0, 1, 0, 1})}, boolean({4}, {0, 0, 0, 1})},
      {"truth", "Or", {}, {boolean({4}, {0, 0, 1, 1}), boolean({4}, {0, 1, 0, 1})}, boolean({4}, {0, 1, 1, 1})},
      {"truth", "Xor", {}, {boolean({4}, {0, 0, 1, 1}), boolean({4}, {0, 1, 0, 1})}, boolean({4}, {0, 1, 1, 0})},
      {"broadcast", "Where", {}, {boolean({2, 1}, {1, 0}), f32({2}, {1, 2}), f32({}, {9})}, f32({2, 2}, {1, 2, 9, 9})},
      {"integers", "Where", {}, {boolean({1}, {1}), i64({1}, {9007199254740993}), i64({1}, {0})}, i64({1}, {9007199254740993})},
      {"both bounds", "Clip", {}, {f32({4}, {-3, 0, 3, kNan}), f32({}, {-1}), f32({}, {2})}, f32({4}, {-1, 0, 2, kNan})},
      {"upper only", "Clip", {}, {i8({2}, {-100, 100}), std::nullopt, i8({}, {50})}, i8({2}, {-100, 50})},
      {"no bounds", "Clip", {}, {f32({2}, {-kInf, kInf})}, f32({2}, {-kInf, kInf})},
      {"crossed bounds give the upper", "Clip", {}, {f32({2}, {-9, 9}), f32({}, {5}), f32({}, {1})}, f32({2}, {1, 1})},
  });
}

TEST(Elementwise, Cast) {
  const auto to = [](int64_t code) { return attributes({{"to", code}}); };
  check_values({
      {"truncates", "Cast", to(6), {f32({4}, {1.9, -1.9, 0, -0.5})}, i32({4}, {1, -1, 0, 0})},
      {"saturates", "Cast", to(3), {f32({3}, {1000, -1000, kNan})}, i8({3}, {127, -128, 0})},
      {"saturates to 64 bits", "Cast", to(7), {f64({2}, {1e300, -1e300})}, i64({2}, {INT64_MAX, INT64_MIN})},
      {"integers wrap", "Cast", to(3), {i32({2}, {200, -200})}, i8({2}, {-56, 56})},
      {"to unsigned", "Cast", to(2), {i32({2}, {-1, 256})}, u8({2}, {255, 0})},
      {"truth", "Cast", to(9), {f32({4}, {0, -0.0, 0.1, kNan})}, boolean({4}, {0, 0, 1, 1})},
      {"from truth", "Cast", to(1), {boolean({2}, {1, 0})}, f32({2}, {1, 0})},
      {"half overflows", "Cast", to(10), {f32({3}, {65504, 65520, 1e-8})}, f16({3}, {65504, kInf, 0})},
      // 1 + 2^-11 + 2^-40 lies above the middle of two halves; by way of a float it would land on it and round to even.
      {"double to half rounds once", "Cast", to(10), {f64({1}, {1 + 0x1p-11 + 0x1p-40})}, f16({1}, {1 + 0x1p-10}), 0},
      {"like another", "CastLike", {}, {f32({2}, {1.5, 2}), i64({3}, {0, 0, 0})}, i64({2}, {1, 2})},
  });
}

// A bool of a request may be any byte: only 0 is false.
TEST(Elementwise, AnyNonzeroByteIsTrue) {
  Tensor odd = Tensor::zeros(DType::kBool, {Dim(3)}).value();
  odd.mutable_as<uint8_t>()[0] = 2;
  odd.mutable_as<uint8_t>()[1] = 255;
  check_values({
      {"and", "And", {}, {odd, boolean({3}, {1, 1, 1})}, boolean({3}, {1, 1, 0})},
      {"not", "Not", {}, {odd}, boolean({3}, {0, 0, 1})},
      {"where", "Where", {}, {odd, f32({1}, {1}), f32({1}, {2})}, f32({3}, {1, 1, 2})},
  });
}

TEST(Elementwise, Refusals) {
  check_refusals({
      {"Add", {}, {f32({2}, {1, 2}), f32({3}, {1, 2, 3})}, "do not broadcast"},
      {"Add", {}, {f32({1}, {1}), f64({1}, {1})}, "element type"},
      {"And", {}, {f32({1}, {1}), f32({1}, {1})}, "must be one of bool"},
      {"Cast", {}, {f32({1}, {1})}, "'to'"},
      {"Cast", attributes({{"to", int64_t{8}}}), {f32({1}, {1})}, "string"},
      {"Cast", attributes({{"to", int64_t{99}}}), {f32({1}, {1})}, "99"},
      {"BitCast", attributes({{"to", int64_t{7}}}), {f32({1}, {1})}, "same size"},
      {"BitShift", {}, {u8({1}, {1}), u8({1}, {1})}, "direction"},
      {"Mod", {}, {f32({1}, {1}), f32({1}, {1})}, "fmod"},
      {"Clip", {}, {f32({2}, {1, 2}), f32({2}, {0, 0})}, "one element"},
      {"PRelu", {}, {f32({2}, {1, 2}), f32({2, 2}, {1, 2, 3, 4})}, "slope"},
      {"Gelu", attributes({{"approximate", text("fast")}}), {f32({1}, {1})}, "approximate"},
      {"Dropout", {}, {f32({1}, {1}), f32({}, {0.5}), boolean({}, {1})}, "training"},
  });
}

}  // namespace
}  // namespace tercel::kernels
