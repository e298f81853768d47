#include "top/source.h"

#include "load/clock.h"
#include "load/http_get.h"

namespace tercel::top {

Result<std::string> Source::get(const std::string& path) {
  auto answer = load::http_get(address_, *endpoint_, path, "", {.patience_ns = patience_ns_, .body_bytes = kPageBytesMax});
  if (!answer.ok()) {
    endpoint_.reset();  // perhaps the name means another address by now
    return answer.error();
  }
  if (answer->status != 200)
    return io_error(address_.url + ": GET " + path + " is answered " + std::to_string(answer->status) +
                    "; check that a Tercel server listens there");
  if (answer->captured.size() < answer->body_bytes)
    return too_large(address_.url + ": the answer to GET " + path + " is too large");
  return std::move(answer->captured);
}

Result<Answer> Source::read() {
  if (!endpoint_) endpoint_ = TRY(load::reach(address_));
  Answer answer;
  const std::string page = TRY(get("/metrics"));
  const int64_t at_ns = load::now_ns();
  const auto samples = parse_prometheus(page);
  if (!samples.ok()) return samples.error().within(address_.url);
  auto reading = make_reading(*samples, at_ns);
  if (!reading.ok()) return reading.error().within(address_.url);
  answer.reading = reading.take();
  answer.missed = TRY(parse_missed(TRY(get("/v2/debug/requests")), kMissedMax));
  return answer;
}

}  // namespace tercel::top
