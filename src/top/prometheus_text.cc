#include "top/prometheus_text.h"

#include <algorithm>
#include <charconv>

namespace tercel::top {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

void skip_blanks(std::string_view& line) { line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size())); }

// Takes [a-zA-Z_:][a-zA-Z0-9_:]* off the front; the colon for names of metrics alone.
std::string_view take_name(std::string_view& line, bool with_colon) {
  size_t size = 0;
  const auto fits = [&](char c) { return is_letter(c) || (with_colon && c == ':') || (size > 0 && is_digit(c)); };
  while (size < line.size() && fits(line[size])) ++size;
  const auto name = line.substr(0, size);
  line.remove_prefix(size);
  return name;
}

bool take(std::string_view& line, char c) {
  if (!line.starts_with(c)) return false;
  line.remove_prefix(1);
  return true;
}

// Takes "text" with its escapes off the front.
bool take_quoted(std::string_view& line, std::string& text) {
  if (!take(line, '"')) return false;
  while (!line.empty()) {
    const char c = line.front();
    line.remove_prefix(1);
    if (c == '"') return true;
    if (c != '\\') {
      text += c;
      continue;
    }
    if (line.empty()) return false;
    const char escaped = line.front();
    line.remove_prefix(1);
    if (escaped == 'n') text += '\n';
    else if (escaped == '\\' || escaped == '"') text += escaped;
    else (text += '\\') += escaped;  // as Prometheus itself takes an unknown escape
  }
  return false;
}

// Takes {name="value",...} off the front. Null, or what is wrong.
const char* take_labels(std::string_view& line, Sample& sample) {
  while (true) {
    skip_blanks(line);
    if (take(line, '}')) return nullptr;
    if (sample.labels.size() == kLabelsMax) return "has too many labels";
    const auto name = take_name(line, false);
    skip_blanks(line);
    if (name.empty() || !take(line, '=')) return "has a label that is not name=\"value\"";
    skip_blanks(line);
    std::string value;
    if (!take_quoted(line, value)) return "has a label whose value is not in quotes";
    sample.labels.emplace_back(name, std::move(value));
    skip_blanks(line);
    if (!take(line, ',') && !line.starts_with('}')) return "has labels without a comma between them";
  }
}

bool take_value(std::string_view& line, double& value) {
  if (line.starts_with('+') && line.size() > 1 && line[1] != '-') line.remove_prefix(1);
  const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (failure != std::errc()) return false;
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  return line.empty() || line.front() == ' ' || line.front() == '\t';
}

// Null, or what is wrong.
const char* parse_sample(std::string_view line, Sample& sample) {
  sample.name = take_name(line, true);
  if (sample.name.empty()) return "does not begin with the name of a metric";
  skip_blanks(line);
  if (take(line, '{')) {
    if (const char* wrong = take_labels(line, sample)) return wrong;
  }
  skip_blanks(line);
  if (!take_value(line, sample.value)) return "has no number behind its name";
  skip_blanks(line);
  int64_t stamp = 0;
  const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), stamp);
  line.remove_prefix(failure == std::errc() ? static_cast<size_t>(end - line.data()) : 0);
  skip_blanks(line);
  return line.empty() ? nullptr : "has something behind its value";
}

}  // namespace

std::string_view Sample::label(std::string_view label) const {
  for (const auto& [name, value] : labels)
    if (name == label) return value;
  return {};
}

Result<std::vector<Sample>> parse_prometheus(std::string_view page) {
  std::vector<Sample> samples;
  for (size_t number = 1; !page.empty(); ++number) {
    const size_t end = std::min(page.find('\n'), page.size());
    auto line = page.substr(0, end);
    page.remove_prefix(std::min(end + 1, page.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    skip_blanks(line);
    if (line.empty() || line.front() == '#') continue;
    if (samples.size() == kSamplesMax)
      return too_large("the page of metrics has more than " + std::to_string(kSamplesMax) + " samples");
    Sample sample;
    if (const char* wrong = parse_sample(line, sample))
      return invalid("line " + std::to_string(number) + " of the metrics " + wrong);
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace tercel::top
