#pragma once

#include <termios.h>

#include <csignal>
#include <cstddef>
#include <span>
#include <string>

#include "top/layout.h"

namespace tercel::cli {

// The whole terminal for as long as it lives: the alternate screen, no cursor, keys without Enter. What was there before is back
// afterwards, also when SIGINT or SIGTERM ended it. One at a time; stdout is a terminal.
class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  struct Size {
    size_t width = 80, height = 24;
  };
  Size size() const;
  void draw(std::span<const top::Line> lines, bool color);

  // The next key, 0 when none came until then, or the window changed. `until_ns` is on platform::now_ns().
  char wait_for_key(int64_t until_ns);
  // SIGINT or SIGTERM came: draw no more, and end.
  bool is_interrupted() const;

 private:
  bool has_keys_ = false;
  termios before_{};
  struct sigaction interrupt_ {
  }, terminate_{}, resize_{};
};

// Columns of the terminal that stdout is, else of $COLUMNS, else 80.
size_t terminal_width();

// The text with what makes it bold, dim or red.
std::string styled(const top::Line& line, bool color);

}  // namespace tercel::cli
