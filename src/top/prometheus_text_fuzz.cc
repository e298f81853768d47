#include <cstdint>
#include <cstdlib>

#include "top/prometheus_text.h"
#include "top/reading.h"

// What is understood lies inside of the page, and a reading can be made of it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace top = tercel::top;
  const std::string_view page(reinterpret_cast<const char*>(data), size);
  const auto samples = top::parse_prometheus(page);
  if (!samples.ok()) return 0;
  for (const auto& sample : *samples) {
    const bool inside = sample.name.data() >= page.data() && sample.name.data() + sample.name.size() <= page.data() + page.size();
    if (sample.name.empty() || !inside || sample.labels.size() > top::kLabelsMax) std::abort();
  }
  const auto reading = top::make_reading(*samples, 0);
  if (reading.ok())
    for (const auto& version : reading->versions) (void)top::quantile(version.duration, 0.99);
  return 0;
}
