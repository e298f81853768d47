#include "transport/http/reservation_endpoint.h"

#include <algorithm>

#include "base/json.h"
#include "transport/http/reservation_body.h"

namespace tercel::transport::http {
namespace {

using serve::Reservation;

// Upwards: what is counted is never shown as less.
int64_t in_us(int64_t ns) { return (ns + 999) / 1000; }

void write(JsonWriter& json, const Reservation& r, int64_t now_ns) {
  json.begin_object().field("reservation", request::reservation_id_text(r.id)).field("model", r.served->version->model);
  json.field("version", std::to_string(r.served->version->number)).field("period_us", r.wish.period_us);
  json.field("deadline_us", r.wish.deadline_us).field("jitter_us", r.wish.jitter_us).field("rows", r.wish.rows);
  const registry::MeasuredCost measured = r.measured();
  json.field("measured_us", in_us(measured.longest_ns)).field("runs", measured.runs).field("preempted", measured.preempted);
  json.field("worst_us", in_us(r.test.cost_ns)).field("margin", r.margin).field("blocking_us", in_us(r.test.blocking_ns));
  json.field("transit_us", in_us(r.transit_ns)).field("lease_s", r.wish.lease_s);
  json.field("expires_in_s", static_cast<double>(std::max<int64_t>(r.left_ns(now_ns), 0) / 1'000'000) / 1000);
  json.field("served", r.served_in_time()).field("policed", r.policed()).field("missed", r.missed()).end_object();
}

void finish(Reply& reply, int status, const Reservation& reservation, int64_t now_ns) {
  reply.text.clear();
  JsonWriter json(reply.text);
  write(json, reservation, now_ns);
  finish_text(reply, status, kJson);
}

void refuse(Reply& reply, const Error& error) { finish_error(reply, status_of(error.code()), error.message()); }

// It was tested, and does not fit.
void refuse_capacity(Reply& reply, const Error& error, const sched::ReservationTest& test) {
  reply.text.clear();
  JsonWriter json(reply.text);
  json.begin_object().field("error", error.message()).field("interval_us", in_us(test.verdict.interval_ns));
  json.field("demand_us", in_us(test.verdict.demand_ns)).field("excess_us", in_us(test.verdict.excess_ns()));
  json.field("worst_us", in_us(test.cost_ns)).field("blocking_us", in_us(test.blocking_ns)).end_object();
  finish_text(reply, 429, kJson);
}

void reserve(serve::Server& server, std::string_view text, int64_t now_ns, Reply& reply) {
  if (server.is_draining()) return refuse(reply, Error(ErrorCode::kUnavailable, "the server is shutting down"));
  const auto body = parse_reservation(text);
  if (!body.ok()) return refuse(reply, body.error());
  sched::ReservationTest test;
  const auto made = server.reserve(body->model, body->version, body->wish, now_ns, test);
  if (made.ok()) return finish(reply, 201, **made, now_ns);
  if (made.error().code() == ErrorCode::kExhausted && !test.verdict.fits) return refuse_capacity(reply, made.error(), test);
  refuse(reply, made.error());
}

}  // namespace

void answer_reservation(serve::Server& server, const Route& route, Method method, std::string_view body, int64_t now_ns,
                        Reply& reply) {
  if (route.endpoint == Endpoint::kReservations) return reserve(server, body, now_ns, reply);
  auto& all = server.reservations();
  const auto found = method == Method::kDelete ? all.release(route.reservation, now_ns) : all.find(route.reservation, now_ns);
  if (!found.ok()) return refuse(reply, found.error());
  finish(reply, 200, **found, now_ns);
}

void write_reservations(serve::Server& server, int64_t now_ns, std::string& out) {
  out.clear();
  JsonWriter json(out);
  json.begin_object().key("reservations").begin_array();
  for (const auto& reservation : server.reservations().list(now_ns)) write(json, *reservation, now_ns);
  json.end_array().end_object();
}

}  // namespace tercel::transport::http
