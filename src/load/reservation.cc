#include "load/reservation.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "load/answer.h"

namespace tercel::load {
namespace {

namespace dom = simdjson::dom;
constexpr char kPath[] = "/v2/reservations";
constexpr size_t kSentenceBytes = 1000;

bool is_id(std::string_view text) {
  const auto is_plain = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); };
  return !text.empty() && text.size() <= kReservationIdBytesMax && std::ranges::all_of(text, is_plain);
}

// Fields that are not there, or are something else, stay as they are: a later server may tell more or less.
Result<ReservationReport> report_of(const dom::object& object) {
  ReservationReport report;
  const auto text = [&](const char* key, std::string& target) {
    std::string_view value;
    if (!object[key].get_string().get(value)) target = std::string(value);
  };
  const auto number = [&](const char* key, auto& target) {
    double value = 0;
    if (!object[key].get_double().get(value) && value >= 0 && value < 1e15)
      target = static_cast<std::decay_t<decltype(target)>>(value);
  };
  text("reservation", report.id);
  text("model", report.model);
  text("version", report.version);
  number("period_us", report.period_us);
  number("deadline_us", report.deadline_us);
  number("jitter_us", report.jitter_us);
  number("rows", report.rows);
  number("measured_us", report.measured_us);
  number("runs", report.runs);
  number("preempted", report.preempted);
  number("worst_us", report.worst_us);
  number("margin", report.margin);
  number("blocking_us", report.blocking_us);
  number("transit_us", report.transit_us);
  number("lease_s", report.lease_s);
  number("served", report.served);
  number("policed", report.policed);
  number("missed", report.missed);
  if (!is_id(report.id)) return invalid("a reservation without an id");
  return report;
}

// The server's sentence whole: by how much a reservation does not fit stands at its end.
std::string sentence_of(const Response& response) {
  dom::parser parser;
  std::string_view text;
  const auto& body = response.captured;
  if (body.empty() || parser.parse(body.data(), body.size())["error"].get_string().get(text)) {
    AnswerReader reader;
    return reader.error_of(response);
  }
  std::string line(text.substr(0, kSentenceBytes));
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line;
}

Result<ReservationAnswer> ask(const ServerAccess& server, const Call& call) {
  const Response response = TRY(http_call(server.address, server.endpoint, call));
  if (response.status / 100 != 2) {
    const std::string sentence =
        server.address.url + " answered " + std::to_string(response.status) + ": " + sentence_of(response);
    return Error(response.status == 429 ? ErrorCode::kExhausted : ErrorCode::kInvalid, sentence);
  }
  if (response.captured.size() < response.body_bytes)
    return too_large(server.address.url + ": the answer is longer than " + std::to_string(kCapturedBytesMax) + " bytes");
  auto parsed = parse_reservations(response.captured);
  if (!parsed.ok()) return parsed.error().within(server.address.url + " does not answer as a Tercel server does");
  return ReservationAnswer{response.captured, parsed.take()};
}

}  // namespace

Result<std::vector<ReservationReport>> parse_reservations(std::string_view json) {
  dom::parser parser;
  dom::object object;
  if (json.empty() || parser.parse(json.data(), json.size()).get_object().get(object)) return invalid("no JSON object");
  std::vector<ReservationReport> reports;
  dom::array list;
  if (object["reservations"].get_array().get(list)) {
    reports.push_back(TRY(report_of(object)));
    return reports;
  }
  for (const dom::element item : list) {
    dom::object one;
    if (item.get_object().get(one)) return invalid("a list of reservations with something else in it");
    reports.push_back(TRY(report_of(one)));
  }
  return reports;
}

Result<ReservationAnswer> reserve(const ServerAccess& server, const ReservationWish& wish) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().field("model", wish.model);
  if (!wish.version.empty()) {
    if (!std::ranges::all_of(wish.version, [](char c) { return c >= '0' && c <= '9'; }) || wish.version.size() > 15)
      return invalid("a reservation is of a version with a number, and '" + wish.version + "' is none");
    json.key("version").raw(std::to_string(std::stoll(wish.version)));
  }
  json.field("period_us", wish.period_us).field("deadline_us", wish.deadline_us).field("jitter_us", wish.jitter_us);
  json.field("rows", wish.rows);
  if (wish.lease_s != 0) json.field("lease_s", wish.lease_s);
  json.end_object();
  auto answer = TRY(ask(server, {"POST", kPath, server.headers + "Content-Type: application/json\r\n", body}));
  if (answer.reservations.size() != 1) return invalid(server.address.url + ": the answer is not one reservation");
  return answer;
}

Result<ReservationAnswer> list_reservations(const ServerAccess& server) {
  return ask(server, {"GET", kPath, server.headers, ""});
}

Result<ReservationAnswer> release_reservation(const ServerAccess& server, const std::string& id) {
  if (!is_id(id))
    return invalid("'" + id.substr(0, kReservationIdBytesMax) + "' is not the id of a reservation; --list shows them");
  return ask(server, {"DELETE", std::string(kPath) + "/" + id, server.headers, ""});
}

Result<void> check_reservation(const ClientOptions& client) {
  if (client.reservation.empty()) return {};
  if (!client.latency_class.empty() && client.latency_class != "guaranteed")
    return invalid("has a 'reservation', which makes its requests guaranteed, and another 'class'");
  if (client.reservation != kReserveFirst)
    return is_id(client.reservation) ? Result<void>() : invalid("has a 'reservation' that is neither \"auto\" nor an id");
  if (client.closed || client.arrivals.process != Process::kConstant)
    return invalid("has reservation = \"auto\", which reserves a period: it needs arrivals = \"constant\"");
  if (client.deadline_ns <= 0) return invalid("has reservation = \"auto\", which needs a 'deadline'");
  return {};
}

RunReservations::~RunReservations() {
  for (const std::string& id : made_) (void)release_reservation(server_, id);  // else its lease runs out
}

// A quarter of jitter, for what the network and this program may shift a request by: what is given to it is taken from the
// deadline when the reservation is tested.
Result<void> RunReservations::make(std::vector<ClientOptions>& clients) {
  for (ClientOptions& client : clients) {
    if (client.reservation != kReserveFirst) continue;
    ReservationWish wish{.model = client.model, .version = client.version};
    wish.period_us = std::max<int64_t>(static_cast<int64_t>(1e6 / client.arrivals.rate), 1);
    wish.deadline_us = client.deadline_ns / 1000;
    wish.jitter_us = std::min(wish.period_us, wish.deadline_us) / 4;
    const auto answer = reserve(server_, wish);
    if (!answer.ok()) return answer.error().within("the reservation of client '" + client.name + "'");
    client.reservation = answer->reservations[0].id;
    made_.push_back(client.reservation);
  }
  return {};
}

}  // namespace tercel::load
