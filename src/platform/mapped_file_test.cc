#include "platform/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace tercel::platform {
namespace {

std::string path_of(const char* name) { return testing::TempDir() + name + "." + std::to_string(::getpid()); }

TEST(MappedFile, MapsAndReads) {
  const std::string path = path_of("mapped");
  std::ofstream(path) << "hello";
  const auto file = MappedFile::open(path, 100).take();
  ASSERT_EQ(file->bytes().size(), 5u);
  EXPECT_EQ(std::memcmp(file->bytes().data(), "hello", 5), 0);
  char part[3];
  ASSERT_TRUE(file->read(2, std::as_writable_bytes(std::span(part))).ok());
  EXPECT_EQ(std::string(part, 3), "llo");
  EXPECT_EQ(file->read(3, std::as_writable_bytes(std::span(part))).error().code(), ErrorCode::kInvalid);
  std::filesystem::remove(path);
}

TEST(MappedFile, RefusesWhatItCannotMap) {
  EXPECT_EQ(MappedFile::open("/nonexistent/file", 100).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(MappedFile::open("/", 100).error().code(), ErrorCode::kInvalid);
  const std::string path = path_of("limit");
  std::ofstream(path) << "too long";
  EXPECT_EQ(MappedFile::open(path, 3).error().code(), ErrorCode::kLimit);
  std::ofstream(path, std::ios::trunc);
  EXPECT_TRUE(MappedFile::open(path, 3).value()->bytes().empty());
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::open(path, 3).error().code(), ErrorCode::kInvalid);  // and does not wait for a writer
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tercel::platform
