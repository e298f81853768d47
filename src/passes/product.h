#pragma once

#include "passes/match.h"

namespace tercel::passes {

// A value as constant * factor * factor * ...: how activations are found whatever the order they were multiplied in.
struct Product {
  double constant = 1;
  std::vector<ValueId> factors;  // sorted
};

// Opens the Mul, Div by a scalar constant and Pow with exponent 2 or 3 that make `value`, and those that make its factors
// as long as nobody else reads them. A value that none of these makes is its own only factor.
Product product_of(const Editor& e, ValueId value);

// value = constant * x^power and nothing else.
bool is_power(const Editor& e, ValueId value, ValueId x, size_t power, double constant);

// value = x + constant or constant + x, read by nobody else.
Binary sum_with_constant(const Editor& e, ValueId value, double* constant);

bool is_near(double a, double b);  // within the rounding of exporters

}  // namespace tercel::passes
