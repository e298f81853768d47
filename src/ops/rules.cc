#include "ops/rules.h"

namespace tercel::ops {

namespace {

std::string names_of(TypeSet set) {
  std::string names;
  for (int i = 0; i < kDTypeCount; ++i) {
    if (!contains(set, static_cast<DType>(i))) continue;
    if (!names.empty()) names += ", ";
    names += dtype_name(static_cast<DType>(i));
  }
  return names;
}

}  // namespace

Result<void> want_type(const InferContext& context, size_t input, TypeSet allowed) {
  if (!context.has(input) || contains(allowed, context.dtype(input))) return {};
  return invalid(describe(context, input) + " must be one of " + names_of(allowed));
}

Result<void> want_one_element(const InferContext& context, size_t input) {
  if (!context.has(input)) return {};
  for (Dim extent : context.shape(input).dims())
    if (!may_equal(extent, Dim(1))) return invalid(describe(context, input) + " must hold one element");
  return {};
}

Result<Dim> unify(Dim a, Dim b, std::string_view what) {
  if (!may_equal(a, b))
    return invalid(std::string(what) + " differ: " + std::to_string(a.size()) + " against " + std::to_string(b.size()));
  return a.is_known() || b.is_unknown() ? a : b;
}

Result<int64_t> need_int(const Attributes& attributes, std::string_view name) {
  if (const auto* value = attributes.get<int64_t>(name)) return *value;
  return invalid("attribute '" + std::string(name) + "' (an integer) is missing");
}

}  // namespace tercel::ops
