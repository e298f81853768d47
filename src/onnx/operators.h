#pragma once

#include <span>
#include <string_view>

#include "onnx/limits.h"
#include "onnx/node_context.h"

namespace tercel::onnx {

// Turns one ONNX node into Tercel nodes; see adapters.h.
using Adapter = Result<void> (*)(NodeContext&);

// What is known of one ONNX operator.
struct Operator {
  std::string_view name;
  int since;                    // the first opset of its domain that has it
  std::string_view attributes;  // of all versions that are read, separated by spaces
  Adapter adapter = nullptr;    // null: the Tercel operator of the same name takes the node as it is
  std::string_view op = {};     // another Tercel name; empty: the same
};

// The operators of a domain, by name ("" is ai.onnx); empty for domains that are not read.
std::span<const Operator> operators_of(std::string_view domain);
std::span<const Operator> ml_operators();  // operators_ml.cc: ai.onnx.ml
const Operator* find_operator(std::string_view domain, std::string_view name);

// Why an operator that find_operator() does not know is refused, as a sentence with what to do instead.
std::string refusal_of(std::string_view domain, std::string_view name);

std::string ml_refusal(std::string_view name);  // of ai.onnx.ml

// Whether "axis keepdims" holds "axis".
bool has_word(std::string_view words, std::string_view word);

// Attributes mean the same type in (nearly) every operator; an error when `type` does not fit `name`.
Result<void> check_attribute_type(std::string_view name, AttributeType type);

}  // namespace tercel::onnx
