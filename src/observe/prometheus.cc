#include "observe/prometheus.h"

#include <charconv>

namespace tercel::observe {
namespace {

template <typename T>
void append_number(std::string& out, T value) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

double seconds(uint64_t ns) { return static_cast<double>(ns) * 1e-9; }

}  // namespace

std::string prometheus_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void PrometheusWriter::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  ((out_ += "# HELP ").append(name) += ' ').append(help) += '\n';
  ((out_ += "# TYPE ").append(name) += ' ').append(type) += '\n';
}

void PrometheusWriter::name_and_labels(std::string_view suffix, Labels labels, std::string_view bound) {
  out_.append(name_).append(suffix);
  if (labels.size() == 0 && bound.empty()) {
    out_ += ' ';
    return;
  }
  char separator = '{';
  for (const auto& [name, value] : labels) {
    ((out_ += separator).append(name) += "=\"").append(prometheus_escaped(value)) += '"';
    separator = ',';
  }
  if (!bound.empty()) ((out_ += separator) += "le=\"").append(bound) += '"';
  out_ += "} ";
}

void PrometheusWriter::sample(std::string_view suffix, Labels labels, uint64_t value) {
  name_and_labels(suffix, labels, "");
  append_number(out_, value);
  out_ += '\n';
}

void PrometheusWriter::sample(Labels labels, double value) {
  name_and_labels("", labels, "");
  append_number(out_, value);
  out_ += '\n';
}

void PrometheusWriter::histogram(Labels labels, const Histogram::Reading& reading) {
  uint64_t cumulative = 0;
  for (size_t i = 0; i <= kBounds; ++i) {
    cumulative += reading.counts[i];
    std::string bound = "+Inf";
    if (i < kBounds) {
      bound.clear();
      append_number(bound, static_cast<double>(kBoundsNs[i]) / 1e9);
    }
    name_and_labels("_bucket", labels, bound);
    append_number(out_, cumulative);
    out_ += '\n';
  }
  name_and_labels("_sum", labels, "");
  append_number(out_, seconds(reading.sum_ns));
  out_ += '\n';
  sample("_count", labels, reading.count);
}

}  // namespace tercel::observe
