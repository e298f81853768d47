#include "request/terms.h"

#include <algorithm>
#include <string>

namespace tercel::request {

namespace {

Result<void> check_time(std::optional<int64_t> us, int64_t low, const char* where) {
  if (!us || (*us >= low && *us <= kDeadlineUsMax)) return {};
  return invalid(std::string(where) + " is " + std::to_string(*us) + ": give the microseconds that the answer may take, " +
                 std::to_string(low) + " to " + std::to_string(kDeadlineUsMax));
}

// 0: none was given.
int64_t earliest(const Wish& wish) {
  int64_t us = 0;
  for (const auto& given : {wish.header_us, wish.deadline_us, wish.timeout_us})
    if (given && *given > 0) us = us == 0 ? *given : std::min(us, *given);
  return us;
}

Result<std::optional<Class>> asked_class(const Wish& wish) {
  if (wish.header_class && wish.parameter_class && *wish.header_class != *wish.parameter_class)
    return invalid("the header x-tercel-class says " + std::string(class_name(*wish.header_class)) +
                   ", the parameter class says " + std::string(class_name(*wish.parameter_class)) + ": leave one out");
  return wish.header_class ? wish.header_class : wish.parameter_class;
}

Result<Terms> settle_reserved(std::optional<Class> asked, int64_t given_us, int64_t arrival_ns, const ReservedTerms& reserved) {
  if (asked.value_or(Class::kGuaranteed) != Class::kGuaranteed)
    return invalid("a request that names a reservation is guaranteed, and its class says " + std::string(class_name(*asked)) +
                   ": leave the class out, or the reservation");
  const int64_t us = given_us > 0 ? std::min(given_us, reserved.deadline_us) : reserved.deadline_us;
  return Terms{Class::kGuaranteed, arrival_ns + us * 1000, 0, reserved.stream};
}

}  // namespace

Result<std::optional<ReservationId>> named_reservation(const Wish& wish) {
  if (wish.header_reservation && wish.parameter_reservation && *wish.header_reservation != *wish.parameter_reservation)
    return invalid("the header x-tercel-reservation and the parameter reservation name two reservations: leave one out");
  return wish.header_reservation ? wish.header_reservation : wish.parameter_reservation;
}

std::optional<Class> class_of(std::string_view name) {
  for (size_t i = 0; i < kClassCount; ++i)
    if (class_name(static_cast<Class>(i)) == name) return static_cast<Class>(i);
  return std::nullopt;
}

Result<Terms> settle(const Wish& wish, const TimePolicy& policy, int64_t arrival_ns, const ReservedTerms* reserved) {
  TRY(check_time(wish.header_us, 1, "x-tercel-deadline-us"));
  TRY(check_time(wish.deadline_us, 1, "the parameter deadline_us"));
  TRY(check_time(wish.timeout_us, 0, "the parameter timeout"));
  auto asked = TRY(asked_class(wish));
  if (reserved && !asked) asked = Class::kGuaranteed;
  if (asked && !policy.grants[static_cast<size_t>(*asked)])
    return invalid("the class " + std::string(class_name(*asked)) + " is not granted by this model");
  const int64_t given_us = earliest(wish);
  if (reserved) return settle_reserved(asked, given_us, arrival_ns, *reserved);
  if (asked == Class::kGuaranteed)
    return invalid(
        "the class guaranteed needs a reservation: make one with POST v2/reservations, and name it in "
        "x-tercel-reservation");
  if (asked == Class::kBulk && given_us > 0) return invalid("the class bulk has no deadline: leave one of the two out");
  const bool is_bulk = asked.value_or(policy.default_class.value_or(Class::kSoft)) == Class::kBulk && given_us == 0;
  const int64_t us = is_bulk ? 0 : std::min(given_us > 0 ? given_us : policy.default_us, policy.max_us);
  Terms terms;
  if (us > 0) terms.deadline_ns = arrival_ns + us * 1000;
  // A default that does not fit what the client said gives way: bulk to a deadline, hard to none. Nobody gets by saying nothing
  // what he may not ask for.
  const bool grants_hard = policy.grants[static_cast<size_t>(Class::kHard)];
  const Class otherwise = us > 0 && grants_hard ? Class::kHard : Class::kSoft;
  const Class preferred = policy.default_class.value_or(otherwise);
  const bool fits = us > 0 ? preferred != Class::kBulk : preferred != Class::kHard;
  terms.request_class = asked.value_or(fits ? preferred : otherwise);
  if (terms.request_class == Class::kHard && us == 0)
    return invalid("the class hard needs a deadline: x-tercel-deadline-us, or deadline_us");
  return terms;
}

}  // namespace tercel::request
