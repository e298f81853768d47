#include <algorithm>
#include <cmath>

#include "ops/recurrent.h"

namespace tercel::ops {

namespace {

struct FunctionName {
  std::string_view name;
  CellFunctionKind kind;
  bool has_alpha, has_beta;
  double alpha, beta;  // defaults, those of the operators of the same names
};
constexpr FunctionName kFunctionNames[] = {
    {"Relu", CellFunctionKind::kRelu, false, false, 0, 0},
    {"Tanh", CellFunctionKind::kTanh, false, false, 0, 0},
    {"Sigmoid", CellFunctionKind::kSigmoid, false, false, 0, 0},
    {"Affine", CellFunctionKind::kAffine, true, true, 1, 0},
    {"LeakyRelu", CellFunctionKind::kLeakyRelu, true, false, 0.01, 0},
    {"ThresholdedRelu", CellFunctionKind::kThresholdedRelu, true, false, 1, 0},
    {"ScaledTanh", CellFunctionKind::kScaledTanh, true, true, 1, 1},
    {"HardSigmoid", CellFunctionKind::kHardSigmoid, true, true, 0.2, 0.5},
    {"Elu", CellFunctionKind::kElu, true, false, 1, 0},
    {"Softsign", CellFunctionKind::kSoftsign, false, false, 0, 0},
    {"Softplus", CellFunctionKind::kSoftplus, false, false, 0, 0},
};

bool equal_but_for_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

// alpha and beta are consumed in order, by those functions that have them.
Result<std::vector<CellFunction>> functions_of(const CellKind& kind, const Attributes& attributes, int directions) {
  const size_t count = kind.functions.size() * static_cast<size_t>(directions);
  std::vector<CellFunction> functions;
  const auto* names = attributes.get<std::vector<std::string>>("activations");
  if (!names || names->empty()) {
    for (size_t i = 0; i < count; ++i) functions.push_back({kind.functions[i % kind.functions.size()]});
    return functions;
  }
  if (names->size() != count)
    return invalid("attribute activations names " + std::to_string(names->size()) + " functions, but the " +
                   std::string(kind.name) + " needs " + std::to_string(count));
  auto alphas = attributes.get_floats("activation_alpha"), betas = attributes.get_floats("activation_beta");
  const auto next = [](std::span<const float>& values, bool wanted, double otherwise) -> double {
    if (!wanted || values.empty()) return otherwise;
    const float value = values.front();
    values = values.subspan(1);
    return value;
  };
  for (const std::string& name : *names) {
    const auto known = std::find_if(std::begin(kFunctionNames), std::end(kFunctionNames),
                                    [&](const FunctionName& f) { return equal_but_for_case(f.name, name); });
    if (known == std::end(kFunctionNames))
      return invalid("attribute activations names the unknown function \"" + name.substr(0, 40) + "\"");
    const double alpha = next(alphas, known->has_alpha, known->alpha);
    functions.push_back({known->kind, alpha, next(betas, known->has_beta, known->beta)});
  }
  return functions;
}

}  // namespace

const CellKind& lstm_cell() {
  static const CellKind kind{"LSTM", 4, {CellFunctionKind::kSigmoid, CellFunctionKind::kTanh, CellFunctionKind::kTanh}, true};
  return kind;
}

const CellKind& gru_cell() {
  static const CellKind kind{"GRU", 3, {CellFunctionKind::kSigmoid, CellFunctionKind::kTanh}};
  return kind;
}

const CellKind& rnn_cell() {
  static const CellKind kind{"RNN", 1, {CellFunctionKind::kTanh}};
  return kind;
}

Result<RecurrentParameters> recurrent_parameters(const CellKind& kind, const Attributes& attributes) {
  RecurrentParameters p;
  const std::string_view direction = attributes.get_string("direction", "forward");
  if (direction == "bidirectional") p.directions = 2;
  else if (direction == "reverse") p.backward_first = true;
  else if (direction != "forward")
    return invalid("attribute direction is \"" + std::string(direction.substr(0, 40)) +
                   "\"; known are forward, reverse, bidirectional");
  const int64_t layout = attributes.get_int("layout", 0);
  if (layout != 0 && layout != 1) return invalid("attribute layout is " + std::to_string(layout) + ", but must be 0 or 1");
  p.batch_first = layout == 1;
  p.linear_before_reset = attributes.get_int("linear_before_reset", 0) != 0;
  p.input_forget = attributes.get_int("input_forget", 0) != 0;
  p.clip = attributes.get_float("clip", 0);
  if (!(p.clip >= 0)) return invalid("attribute clip must not be negative");
  p.functions = TRY(functions_of(kind, attributes, p.directions));
  return p;
}

double apply(const CellFunction& f, double x) {
  switch (f.kind) {
    case CellFunctionKind::kRelu: return x > 0 || std::isnan(x) ? x : 0;
    case CellFunctionKind::kTanh: return std::tanh(x);
    case CellFunctionKind::kSigmoid: return 1 / (1 + std::exp(-x));
    case CellFunctionKind::kAffine: return f.alpha * x + f.beta;
    case CellFunctionKind::kLeakyRelu: return x >= 0 ? x : f.alpha * x;
    case CellFunctionKind::kThresholdedRelu: return x >= f.alpha || std::isnan(x) ? x : 0;
    case CellFunctionKind::kScaledTanh: return f.alpha * std::tanh(f.beta * x);
    case CellFunctionKind::kHardSigmoid: return std::isnan(x) ? x : std::clamp(f.alpha * x + f.beta, 0.0, 1.0);
    case CellFunctionKind::kElu: return x >= 0 ? x : f.alpha * std::expm1(x);
    case CellFunctionKind::kSoftsign: return x / (1 + std::fabs(x));
    case CellFunctionKind::kSoftplus: return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  }
  return x;
}

}  // namespace tercel::ops
