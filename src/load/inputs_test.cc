#include "load/inputs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <numeric>

#include "tensor/npy.h"

namespace tercel::load {
namespace {

std::vector<InputMetadata> inputs(const std::string& list) {
  const auto parsed = parse_metadata(R"({"name":"m","inputs":)" + list + "}");
  EXPECT_TRUE(parsed.ok()) << parsed.error().message();
  return parsed.ok() ? *parsed : std::vector<InputMetadata>{};
}

const std::string kImage = R"([{"name":"x","datatype":"FP32","shape":[-1,4]}])";

TEST(Metadata, IsReadOrRefused) {
  const auto two = inputs(R"([{"name":"a","datatype":"BF16","shape":[2,-1]},{"shape":[],"datatype":"BOOL","name":"b"}])");
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].dtype, DType::kBFloat16);
  EXPECT_EQ(two[0].dims, (std::vector<int64_t>{2, -1}));
  EXPECT_TRUE(two[1].dims.empty());
  for (const char* text : {"", "[]", "{}", R"({"inputs":3})", R"({"inputs":[3]})", R"({"inputs":[{"name":"x"}]})",
                           R"({"inputs":[{"name":"x","datatype":"BYTES","shape":[1]}]})",
                           R"({"inputs":[{"name":"x","datatype":"FP32","shape":[-2]}]})",
                           R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,1,1,1,1,1,1,1,1]}]})",
                           R"({"inputs":[{"name":"x","datatype":"FP32","shape":["1"]}]})"})
    EXPECT_FALSE(parse_metadata(text).ok()) << text;
}

TEST(Metadata, PathsAreEncoded) {
  EXPECT_EQ(model_path("digits_v1.2-a", ""), "/v2/models/digits_v1.2-a");
  EXPECT_EQ(model_path("a b/c\r\n", "3"), "/v2/models/a%20b%2Fc%0D%0A/versions/3");
}

TEST(Inputs, BodiesAreJsonAndTensors) {
  const auto made = make_bodies(inputs(kImage), {}, 1).take();
  EXPECT_EQ(made.shapes, "x=1x4");
  EXPECT_EQ(made.bodies.size(), 16u);
  for (const std::string& body : made.bodies) {
    EXPECT_EQ(body.substr(0, made.json_bytes),
              R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","parameters":{"binary_data_size":16}}],)"
              R"("parameters":{"binary_data_output":true}})");
    ASSERT_EQ(body.size(), made.json_bytes + 16);
    float values[4];
    std::memcpy(values, body.data() + made.json_bytes, sizeof values);
    for (const float value : values) EXPECT_TRUE(value >= -1 && value < 1) << value;
  }
  EXPECT_NE(made.bodies[0], made.bodies[1]);
  EXPECT_EQ(make_bodies(inputs(kImage), {}, 1)->bodies, made.bodies);
  EXPECT_NE(make_bodies(inputs(kImage), {}, 2)->bodies, made.bodies);
}

TEST(Inputs, EveryTypeHasContents) {
  for (const char* type :
       {"FP32", "FP64", "FP16", "BF16", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL"}) {
    const auto made =
        make_bodies(inputs(R"([{"name":"x","datatype":")" + std::string(type) + R"(","shape":[2,3]}])"), {}, 1).take();
    EXPECT_EQ(made.bodies[0].size(), made.json_bytes + 6 * dtype_size(parse_metadata(R"({"inputs":[{"name":"x","datatype":")" +
                                                                                     std::string(type) + R"(","shape":[2,3]}]})")
                                                                          .take()[0]
                                                                          .dtype));
  }
}

TEST(Inputs, ShapesAreChosenAndChecked) {
  ClientOptions client;
  client.shapes = {"x=5x4"};
  EXPECT_EQ(make_bodies(inputs(kImage), client, 1)->shapes, "x=5x4");
  for (const char* shape :
       {"x=5x5", "x=5", "x=5x4x1", "y=5x4", "x", "x=", "x=5x", "x=-1x4", "x=1e3x4", "x=99999999999999x4", "=5x4"}) {
    client.shapes = {shape};
    EXPECT_FALSE(make_bodies(inputs(kImage), client, 1).ok()) << shape;
  }
  client.shapes = {"x=1000000000x4"};
  EXPECT_NE(make_bodies(inputs(kImage), client, 1).error().message().find("more than"), std::string::npos);
}

class Samples : public testing::Test {
 protected:
  Samples() {
    std::vector<float> values(12 * 4);
    std::iota(values.begin(), values.end(), 0.f);
    const NpzMember member{"x", {DType::kFloat32, {12, 4}}, values.data()};
    EXPECT_TRUE(write_npz(path_, {&member, 1}).ok());
    client_.inputs = path_;
  }
  ~Samples() override { std::filesystem::remove(path_); }

  const std::string path_ =
      (std::filesystem::temp_directory_path() / ("tercel_inputs_test" + std::to_string(getpid()) + ".npz")).string();
  ClientOptions client_;
};

TEST_F(Samples, AreCutIntoRequests) {
  auto made = make_bodies(inputs(kImage), client_, 1).take();
  ASSERT_EQ(made.bodies.size(), 12u);
  float first = 0;
  std::memcpy(&first, made.bodies[3].data() + made.json_bytes, sizeof first);
  EXPECT_EQ(first, 12);
  client_.shapes = {"x=5x4"};
  EXPECT_EQ(make_bodies(inputs(kImage), client_, 1)->bodies.size(), 2u);  // the last two rows are left over
  client_.shapes = {"x=12x4"};
  EXPECT_EQ(make_bodies(inputs(kImage), client_, 1)->bodies.size(), 1u);
}

TEST_F(Samples, MustFit) {
  client_.shapes = {"x=13x4"};
  EXPECT_FALSE(make_bodies(inputs(kImage), client_, 1).ok());
  client_.shapes.clear();
  EXPECT_NE(
      make_bodies(inputs(R"([{"name":"x","datatype":"FP64","shape":[-1,4]}])"), client_, 1).error().message().find("float32"),
      std::string::npos);
  EXPECT_FALSE(make_bodies(inputs(R"([{"name":"x","datatype":"FP32","shape":[-1,5]}])"), client_, 1).ok());
  EXPECT_FALSE(make_bodies(inputs(R"([{"name":"x","datatype":"FP32","shape":[4]}])"), client_, 1).ok());
  EXPECT_NE(
      make_bodies(inputs(R"([{"name":"y","datatype":"FP32","shape":[4]}])"), client_, 1).error().message().find("no array 'y'"),
      std::string::npos);
  EXPECT_EQ(make_bodies(inputs(R"([{"name":"x","datatype":"FP32","shape":[3,-1]}])"), client_, 1)->shapes, "x=3x4");
}

}  // namespace
}  // namespace tercel::load
