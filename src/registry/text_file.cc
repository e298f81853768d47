#include "registry/text_file.h"

#include <fstream>

namespace tercel::registry {

Result<std::string> read_text(const std::string& path, size_t bytes_max) {
  std::ifstream in(path, std::ios::binary);
  std::string text(bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (!in && in.gcount() == 0 && !in.eof())) return io_error("cannot read " + path);
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

}  // namespace tercel::registry
