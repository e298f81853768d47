#include "cli/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "platform/clock.h"

namespace tercel::cli {
namespace {

volatile std::sig_atomic_t ended_by = 0;

struct sigaction on_signal(int number, void (*handler)(int)) {
  struct sigaction action {
  }, before{};
  action.sa_handler = handler;  // no SA_RESTART: what waits shall see it
  sigaction(number, &action, &before);
  return before;
}

void write_out(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

winsize window() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) size = {};
  return size;
}

}  // namespace

Screen::Screen() {
  ended_by = 0;
  const auto end = [](int number) { ended_by = number; };
  interrupt_ = on_signal(SIGINT, end);
  terminate_ = on_signal(SIGTERM, end);
  resize_ = on_signal(SIGWINCH, [](int) {});
  if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios keys = before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys.c_cc[VMIN] = 0;
    keys.c_cc[VTIME] = 0;
    has_keys_ = tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
  }
  write_out("\x1b[?1049h\x1b[?25l");
}

Screen::~Screen() {
  write_out("\x1b[?25h\x1b[?1049l");
  if (has_keys_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  sigaction(SIGWINCH, &resize_, nullptr);
  sigaction(SIGINT, &interrupt_, nullptr);
  sigaction(SIGTERM, &terminate_, nullptr);
  if (ended_by != 0) std::raise(ended_by);  // whoever started the program learns how it ended
}

Screen::Size Screen::size() const {
  const winsize found = window();
  Size size;
  if (found.ws_col > 0) size.width = found.ws_col;
  if (found.ws_row > 0) size.height = found.ws_row;
  return size;
}

void Screen::draw(std::span<const top::Line> lines, bool color) {
  std::string text = "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) (text += styled(lines[i], color)) += i + 1 < lines.size() ? "\x1b[K\r\n" : "\x1b[K";
  write_out(text + "\x1b[J");
}

char Screen::wait_for_key(int64_t until_ns) {
  while (!is_interrupted()) {
    const int64_t left_ms = (until_ns - platform::now_ns() + 999'999) / 1'000'000;
    if (left_ms <= 0) return 0;
    pollfd keys{has_keys_ ? STDIN_FILENO : -1, POLLIN, 0};
    const int ready = poll(&keys, 1, static_cast<int>(std::min<int64_t>(left_ms, 3'600'000)));
    if (ready <= 0) return 0;
    char key = 0;
    if (read(STDIN_FILENO, &key, 1) == 1) return key;
    has_keys_ = false;  // the terminal is gone
  }
  return 0;
}

bool Screen::is_interrupted() const { return ended_by != 0; }

size_t terminal_width() {
  if (const winsize found = window(); found.ws_col > 0) return found.ws_col;
  const char* const said = std::getenv("COLUMNS");
  const long width = said ? std::strtol(said, nullptr, 10) : 0;
  return width >= 20 && width <= 10'000 ? static_cast<size_t>(width) : 80;
}

std::string styled(const top::Line& line, bool color) {
  constexpr const char* kCodes[] = {"", "\x1b[1m", "\x1b[2m", "\x1b[31m"};
  if (!color || line.style == top::Style::kPlain) return line.text;
  return kCodes[static_cast<size_t>(line.style)] + line.text + "\x1b[0m";
}

}  // namespace tercel::cli
