#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tercel::cli {

// How this process talks to its user. Reports go to stdout, progress and errors to stderr.
struct Terminal {
  bool json = false;      // --json: one object on stdout, nothing else there
  bool quiet = false;     // --quiet: no progress, no table
  bool color = false;     // stdout is a TTY and NO_COLOR is not set
  bool progress = false;  // stderr is a TTY, not quiet

  static Terminal detect(bool json, bool quiet);
  std::string bold(std::string_view text) const;
  std::string dim(std::string_view text) const;
  std::string red(std::string_view text) const;
};

// A bar on stderr that draws at most ten times a second and leaves nothing behind. Does nothing when progress is off.
class ProgressBar {
 public:
  explicit ProgressBar(const Terminal& terminal) : enabled_(terminal.progress) {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void show(std::string_view what, int done, int total);  // total 0: unknown
  void clear();

 private:
  bool enabled_, drawn_ = false;
  std::string what_;
  int64_t drawn_ns_ = 0, started_ns_ = 0;
};

// A table with aligned columns; those of numbers alone (cells that begin with a digit, '-' or '.') align right.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) : heads_(std::move(heads)) {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void print(const Terminal& terminal) const;

 private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

// "1.23 ms", "45.6 us"; "102 MB", "3.4 KB"; "1.82 G"; "12.3".
std::string time_text(double microseconds);
std::string bytes_text(double bytes);
std::string count_text(double count);
std::string fixed(double value, int decimals);

}  // namespace tercel::cli
