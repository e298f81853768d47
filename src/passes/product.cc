#include "passes/product.h"

#include <algorithm>
#include <cmath>

namespace tercel::passes {

namespace {

constexpr size_t kFactorsMax = 8;  // no pattern has more; bounds the work on hostile graphs

// Replaces `value` by what makes it, when it is a product; false when it is a factor as it stands.
bool open(const Editor& e, ValueId value, double& constant, std::vector<ValueId>& pending) {
  double scalar = 1;
  if (const Binary mul = scalar_operand(e, value, "Mul", &scalar)) {
    constant *= scalar;
    pending.push_back(mul.x);
    return true;
  }
  if (const Binary div = scalar_operand(e, value, "Div", &scalar); div && scalar != 0) {
    constant /= scalar;
    pending.push_back(div.x);
    return true;
  }
  if (const Binary pow = scalar_operand(e, value, "Pow", &scalar); pow && (scalar == 2 || scalar == 3)) {
    pending.insert(pending.end(), static_cast<size_t>(scalar), pow.x);
    return true;
  }
  const NodeId mul = e.producer_is(value, "Mul");
  if (mul == kNoNode) return false;
  pending.insert(pending.end(), e.node(mul).inputs.begin(), e.node(mul).inputs.end());
  return true;
}

}  // namespace

Product product_of(const Editor& e, ValueId value) {
  Product product;
  std::vector<ValueId> pending;
  if (!open(e, value, product.constant, pending)) pending.push_back(value);
  while (!pending.empty()) {
    const ValueId next = pending.back();
    pending.pop_back();
    const bool opens = next != value && e.single_reader(next) && product.factors.size() + pending.size() < kFactorsMax;
    if (!opens || !open(e, next, product.constant, pending)) product.factors.push_back(next);
  }
  std::sort(product.factors.begin(), product.factors.end());
  return product;
}

bool is_power(const Editor& e, ValueId value, ValueId x, size_t power, double constant) {
  const Product product = product_of(e, value);
  return is_near(product.constant, constant) && product.factors == std::vector<ValueId>(power, x);
}

Binary sum_with_constant(const Editor& e, ValueId value, double* constant) {
  return e.single_reader(value) ? scalar_operand(e, value, "Add", constant) : Binary{};
}

bool is_near(double a, double b) {
  constexpr double kTolerance = 2e-6;
  return std::abs(a - b) <= kTolerance * std::abs(b);
}

}  // namespace tercel::passes
