#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "platform/clock.h"

namespace tercel::cli {

namespace {

constexpr int64_t kRedrawNs = 100'000'000;

std::string wrapped(bool color, const char* code, std::string_view text) {
  return color ? "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m" : std::string(text);
}

bool looks_numeric(const std::string& cell) {
  return !cell.empty() &&
         (std::isdigit(static_cast<unsigned char>(cell[0])) || ((cell[0] == '-' || cell[0] == '.') && cell.size() < 10));
}

// Columns a cell takes: bytes that do not continue a UTF-8 character.
size_t columns(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string scaled(double value, double step, const char* const* units, int last) {
  int unit = 0;
  while (std::abs(value) >= step && unit < last) {
    value /= step;
    ++unit;
  }
  const int decimals = unit == 0 && value == std::floor(value) ? 0 : std::abs(value) < 10 ? 2 : std::abs(value) < 100 ? 1 : 0;
  std::string text = fixed(value, decimals);
  if (*units[unit]) text += std::string(" ") + units[unit];
  return text;
}

}  // namespace

Terminal Terminal::detect(bool json, bool quiet) {
  Terminal t;
  t.json = json;
  t.quiet = quiet;
  t.color = isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
  t.progress = isatty(STDERR_FILENO) && !quiet;
  return t;
}

std::string Terminal::bold(std::string_view text) const { return wrapped(color, "1", text); }
std::string Terminal::dim(std::string_view text) const { return wrapped(color, "2", text); }
std::string Terminal::red(std::string_view text) const { return wrapped(color, "31", text); }

void ProgressBar::show(std::string_view what, int done, int total) {
  if (!enabled_) return;
  const int64_t now = platform::now_ns();
  if (what_ != what) {
    what_ = what;
    started_ns_ = now;
    drawn_ns_ = 0;
  }
  if (now - drawn_ns_ < kRedrawNs && done != total) return;
  drawn_ns_ = now;
  drawn_ = true;
  if (total <= 0) {
    std::fprintf(stderr, "\r\x1b[K%s ...", what_.c_str());
  } else {
    constexpr int kWidth = 28;
    const int filled = static_cast<int>(static_cast<int64_t>(kWidth) * done / total);
    const double elapsed = static_cast<double>(now - started_ns_) * 1e-9;
    const double left = done > 0 ? elapsed / done * (total - done) : 0;
    std::fprintf(stderr, "\r\x1b[K%-20s [%s%s] %d/%d  %.0f s left", what_.c_str(), std::string(filled, '#').c_str(),
                 std::string(kWidth - filled, '.').c_str(), done, total, left);
  }
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (drawn_) std::fprintf(stderr, "\r\x1b[K");
  drawn_ = false;
}

void Table::print(const Terminal& terminal) const {
  std::vector<size_t> widths;
  for (const auto& head : heads_) widths.push_back(columns(head));
  for (const auto& row : rows_)
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], columns(row[c]));
  std::vector<char> right(heads_.size(), !rows_.empty());
  for (const auto& row : rows_)
    for (size_t c = 0; c < row.size(); ++c) right[c] = right[c] && (row[c].empty() || looks_numeric(row[c]));
  const auto line = [&](const std::vector<std::string>& cells, bool head) {
    std::string text;
    for (size_t c = 0; c < cells.size(); ++c) {
      const std::string padding(widths[c] - columns(cells[c]), ' ');
      text += (c ? "  " : "") + (right[c] ? padding + cells[c] : cells[c] + padding);
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    std::printf("%s\n", head ? terminal.bold(text).c_str() : text.c_str());
  };
  line(heads_, true);
  for (const auto& row : rows_) line(row, false);
}

std::string fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string time_text(double microseconds) {
  static constexpr const char* kUnits[] = {"us", "ms", "s"};
  return scaled(microseconds, 1000, kUnits, 2);
}

std::string bytes_text(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB"};
  return scaled(bytes, 1000, kUnits, 4);
}

std::string count_text(double count) {
  static constexpr const char* kUnits[] = {"", "K", "M", "G", "T"};
  return scaled(count, 1000, kUnits, 4);
}

}  // namespace tercel::cli
