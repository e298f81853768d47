#include "onnx/external_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "onnx/testing_model.h"

namespace tercel::onnx::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class ExternalData : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "tercel_external_" + std::to_string(::getpid());
    fs::create_directories(root_ + "/model/sub");
    const float values[] = {0, 1, 2, 3, 4, 5};
    for (const char* name : {"/model/weights.bin", "/model/sub/weights.bin", "/outside.bin"})
      std::ofstream(root_ + name, std::ios::binary).write(reinterpret_cast<const char*>(values), sizeof values);
  }
  void TearDown() override { fs::remove_all(root_); }

  Result<graph::Model> import(std::string_view location, std::string_view offset = "", std::string_view length = "",
                              std::vector<int64_t> dims = {2}) {
    return import_text(model(graph({.nodes = {node("Relu", {"w"}, {"y"})},
                                    .initializers = {external("w", dims, location, offset, length)},
                                    .outputs = {bare_value_info("y")}})),
                       root_ + "/model");
  }

  void expect_refusal(std::string_view location, const char* words) {
    const auto result = import(location);
    ASSERT_FALSE(result.ok()) << location;
    EXPECT_THAT(result.error().message(), HasSubstr(words));
    EXPECT_THAT(result.error().message(), HasSubstr("initializer 'w'"));
  }

  std::string root_;
};

TEST_F(ExternalData, IsMappedFromBeneathTheFolder) {
  for (const char* location : {"weights.bin", "./weights.bin", "sub/weights.bin"}) {
    const auto result = import(location, "8", "8");
    ASSERT_TRUE(result.ok()) << result.error().message();
    const Tensor& tensor = *result->main().values[0].constant;
    EXPECT_EQ(tensor.as<float>()[0], 2);
    EXPECT_EQ(tensor.as<float>()[1], 3);
  }
}

TEST_F(ExternalData, NothingOutsideOfTheFolder) {
  fs::create_symlink(root_ + "/outside.bin", root_ + "/model/link.bin");
  fs::create_directory_symlink(root_, root_ + "/model/up");
  fs::create_hard_link(root_ + "/outside.bin", root_ + "/model/hard.bin");
  ASSERT_EQ(::mkfifo((root_ + "/model/pipe").c_str(), 0600), 0);
  expect_refusal("../outside.bin", "'..'");
  expect_refusal("sub/../../outside.bin", "'..'");
  expect_refusal(root_ + "/outside.bin", "relative path");
  expect_refusal("/dev/zero", "relative path");
  expect_refusal("link.bin", "symbolic link");
  expect_refusal("up/outside.bin", "symbolic link");
  expect_refusal("hard.bin", "hard links");
  expect_refusal("pipe", "not a regular file");
  expect_refusal("sub", "not a regular file");
  expect_refusal("missing.bin", "copy it beside the model");
  expect_refusal("", "names no file");
  expect_refusal(std::string("weights.bin\0x", 13), "relative path");
  expect_refusal(std::string(5000, 'a'), "relative path");
}

TEST_F(ExternalData, RangesAreChecked) {
  const struct {
    const char *offset, *length, *words;
    std::vector<int64_t> dims;
  } kCases[] = {
      {"20", "", "from offset 20", {2}},
      {"18446744073709551615", "", "from offset", {2}},
      {"99999999999999999999", "", "is not a number", {2}},
      {"-1", "", "is not a number", {2}},
      {"0", "12", "needs 8 bytes", {2}},
      {"0", "", "was the file cut short?", {1 << 30}},
  };
  for (const auto& test : kCases) {
    const auto result = import("weights.bin", test.offset, test.length, test.dims);
    ASSERT_FALSE(result.ok()) << test.words;
    EXPECT_THAT(result.error().message(), HasSubstr(test.words));
  }
}

TEST_F(ExternalData, NeedsAFolder) {
  const auto result =
      import_text(model(graph({.initializers = {external("w", {2}, "weights.bin", "", "")}, .outputs = {bare_value_info("w")}})));
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().message(), HasSubstr("not opened from a folder"));
}

}  // namespace
}  // namespace tercel::onnx::testing
