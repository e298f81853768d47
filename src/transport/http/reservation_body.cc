#include "transport/http/reservation_body.h"

#include "request/buffer.h"
#include "transport/http/json_tensor.h"

namespace tercel::transport::http {
namespace {

namespace od = simdjson::ondemand;

// What was given, by field; a field under two names is one field.
struct Given {
  std::optional<std::string> model;
  std::optional<int64_t> version, period_us, deadline_us, jitter_us, rows, lease_s;
};

struct Field {
  std::string_view name;
  std::optional<int64_t> Given::*value;
  int64_t low, high;
  std::string_view what;
};
constexpr int64_t kNumberMax = int64_t{1} << 53;  // what every JSON reader can hold
constexpr Field kFields[] = {
    {"version", &Given::version, 0, kNumberMax, "the number of a version"},
    {"period_us", &Given::period_us, 1, request::kDeadlineUsMax, "microseconds"},
    {"min_interarrival_us", &Given::period_us, 1, request::kDeadlineUsMax, "microseconds"},
    {"deadline_us", &Given::deadline_us, 1, request::kDeadlineUsMax, "microseconds"},
    {"jitter_us", &Given::jitter_us, 0, request::kDeadlineUsMax, "microseconds"},
    {"rows", &Given::rows, 1, sched::kBatchRowsMax, "rows of each request"},
    {"batch", &Given::rows, 1, sched::kBatchRowsMax, "rows of each request"},
    {"lease_s", &Given::lease_s, 1, serve::kLeaseSecondsMax, "seconds of silence"},
};

Error out_of_range(const Field& field, const std::string& given) {
  return invalid(std::string(field.name) + " is " + given + ": give " + std::string(field.what) + ", an integer from " +
                 std::to_string(field.low) + " to " + std::to_string(field.high));
}

Result<void> take_number(const Field& field, od::value& value, Given& given) {
  if (given.*field.value) return invalid(std::string(field.name) + " is given twice, or under both of its names");
  int64_t number = 0;
  if (value.get_int64().get(number)) {
    const std::string_view raw = value.raw_json_token();
    return out_of_range(field, raw.size() > 32 ? "no integer" : std::string(raw.substr(0, raw.find_last_not_of(" \t\r\n") + 1)));
  }
  if (number < field.low || number > field.high) return out_of_range(field, std::to_string(number));
  given.*field.value = number;
  return {};
}

Result<void> take(std::string_view key, od::value& value, Given& given) {
  for (const Field& field : kFields)
    if (field.name == key) return take_number(field, value, given);
  if (key != "model")
    return invalid("the reservation has an unknown field '" + std::string(key.substr(0, 64)) +
                   "'; known are model, version, period_us (or min_interarrival_us), deadline_us, jitter_us, rows (or batch) and "
                   "lease_s");
  if (given.model) return invalid("model is given twice");
  std::string_view name;
  if (value.get_string().get(name)) return invalid("model must be a string, the name of a model");
  given.model = std::string(name);
  return {};
}

Result<void> read(od::document& document, Given& given) {
  od::object root;
  if (const auto failure = document.get_object().get(root)) return json_error(failure, "the reservation");
  for (auto item : root) {
    od::field field;
    if (const auto failure = std::move(item).get(field)) return json_error(failure, "the reservation");
    std::string_view key;
    if (const auto failure = field.unescaped_key().get(key)) return json_error(failure, "the reservation");
    TRY(take(key, field.value(), given));
  }
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return invalid("the reservation is not valid JSON: something follows the closing brace");
  return {};
}

Error lacks(std::string_view field) {
  return invalid(
      "the reservation has no " + std::string(field) +
      "; it needs model, period_us and deadline_us, as in {\"model\": \"m\", \"period_us\": 5000, \"deadline_us\": 5000}");
}

}  // namespace

Result<ReservationBody> parse_reservation(std::string_view text) {
  if (text.size() > kReservationBytesMax)
    return too_large("a reservation of more than " + std::to_string(kReservationBytesMax) + " bytes");
  if (text.empty()) return lacks("body");
  od::parser parser;
  od::document document;
  if (const auto failure = parser.iterate(text.data(), text.size(), text.size() + request::kBufferPadding).get(document))
    return json_error(failure, "the reservation");
  Given given;
  TRY(read(document, given));
  if (!given.model || given.model->empty()) return lacks("model");
  if (!given.period_us) return lacks("period_us");
  if (!given.deadline_us) return lacks("deadline_us");
  ReservationBody body{*given.model, given.version, {.period_us = *given.period_us, .deadline_us = *given.deadline_us}};
  body.wish.jitter_us = given.jitter_us.value_or(0);
  body.wish.rows = static_cast<uint32_t>(given.rows.value_or(1));
  body.wish.lease_s = given.lease_s.value_or(serve::kLeaseSeconds);
  if (body.wish.jitter_us >= body.wish.deadline_us)
    return invalid("jitter_us is " + std::to_string(body.wish.jitter_us) + ": it must be shorter than deadline_us");
  return body;
}

}  // namespace tercel::transport::http
