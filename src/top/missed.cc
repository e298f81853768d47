#include "top/missed.h"

#include <simdjson.h>

#include <algorithm>

namespace tercel::top {
namespace {

using Element = simdjson::dom::element;

std::string text_of(const Element& request, const char* key) {
  std::string_view text;
  return request[key].get(text) ? std::string() : std::string(text);
}

double number_of(const Element& request, const char* key) {
  double number = 0;
  return request[key].get(number) ? 0 : number;
}

Missed missed_of(const Element& request) {
  Missed made;
  made.model = text_of(request, "model");
  made.version = std::to_string(static_cast<int64_t>(std::clamp(number_of(request, "version"), 0.0, 1e15)));
  made.id = text_of(request, "id");
  made.outcome = text_of(request, "outcome");
  made.request_class = text_of(request, "class");
  made.reason = text_of(request, "reason");
  int64_t finished = 0;
  if (!request["finished_ms"].get(finished)) made.finished_ms = finished;
  made.deadline_ms = number_of(request, "deadline_us") / 1000;
  made.total_ms = number_of(request, "total_ms");
  simdjson::dom::object stages;
  if (request["stages_ms"].get(stages)) return made;
  for (const auto& [name, value] : stages) {
    double ms = 0;
    if (value.get(ms) || ms <= made.stage_ms) continue;
    made.stage = name;
    made.stage_ms = ms;
  }
  return made;
}

}  // namespace

Result<std::vector<Missed>> parse_missed(std::string_view page, size_t at_most) {
  simdjson::dom::parser parser;
  Element document;
  simdjson::dom::array list;
  if (parser.parse(page.data(), page.size()).get(document) || document["missed"].get(list))
    return invalid("v2/debug/requests is no list of requests");
  std::vector<Missed> missed;
  for (const Element request : list) {
    if (missed.size() == at_most) break;
    missed.push_back(missed_of(request));
  }
  return missed;
}

}  // namespace tercel::top
