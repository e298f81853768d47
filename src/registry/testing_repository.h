#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/result.h"

namespace tercel::registry {

// A model repository in a temporary folder, removed with the object. For tests.
class TestingRepository {
 public:
  TestingRepository() {
    std::string path = (std::filesystem::temp_directory_path() / "tercel-repository-XXXXXX").string();
    check(mkdtemp(path.data()) != nullptr, "a temporary folder");
    path_ = path;
  }
  ~TestingRepository() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestingRepository(const TestingRepository&) = delete;
  TestingRepository& operator=(const TestingRepository&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& file, const std::string& text) const {
    const auto full = std::filesystem::path(path_) / file;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  void remove(const std::string& name) const { std::filesystem::remove_all(std::filesystem::path(path_) / name); }

 private:
  std::string path_;
};

}  // namespace tercel::registry
