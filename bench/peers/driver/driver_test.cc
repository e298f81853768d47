#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "driver/pool.h"

// What all engines' figures rest on: the same inputs for everyone, other inputs for each run.
namespace tercel::peers {
namespace {

using testing::HasSubstr;

std::vector<float> floats(const Port& port) {
  std::vector<float> values(port.elements);
  std::memcpy(values.data(), port.data.get(), port.bytes());
  return values;
}

std::vector<int64_t> integers(const Port& port) {
  std::vector<int64_t> values(port.elements);
  std::memcpy(values.data(), port.data.get(), port.bytes());
  return values;
}

std::vector<Port> ports(std::initializer_list<const char*> texts) {
  std::vector<Port> result;
  for (const char* text : texts) result.push_back(parse_port(text).take());
  return result;
}

TEST(Port, ReadsNameTypeShapeAndValues) {
  const Port port = parse_port("a=b=int64:2x8:ids500").take();
  EXPECT_EQ(port.name, "a=b");
  EXPECT_EQ(port.dtype, DType::kInt64);
  EXPECT_EQ(port.shape, (std::vector<int64_t>{2, 8}));
  EXPECT_EQ(port.values, "ids");
  EXPECT_EQ(port.rows, 500);
  EXPECT_EQ(port.bytes(), 128u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(port.data.get()) % 64, 0u);
}

TEST(Port, AScalarAndAnEmptyTensorHaveShapesToo) {
  EXPECT_EQ(parse_port("y=float32:").take().elements, 1u);
  EXPECT_EQ(parse_port("y=float32:0x4").take().elements, 0u);
}

TEST(Port, RefusesOtherFormsAndNamesThem) {
  for (const char* text : {"", "x", "x=", "=float32:1", "x=float16:1", "x=float32:1x", "x=float32:-1", "x=float32:1:ids5",
                           "x=int64:1:ids0", "x=int64:1:normal", "x=float32:axb"}) {
    const auto port = parse_port(text);
    ASSERT_FALSE(port.ok()) << text;
    EXPECT_THAT(port.error().message(), HasSubstr(std::string("'") + text + "'"));
  }
}

TEST(Port, RefusesSizesThatOverflowOrPassOneGigabyte) {
  EXPECT_FALSE(parse_port("x=float32:4294967296x4294967296x4294967296").ok());
  EXPECT_FALSE(parse_port("x=float32:268435457").ok());
}

TEST(Pool, HoldsMoreThanAskedForAndStartsAgain) {
  auto inputs = ports({"x=float32:4:normal"});
  Pool pool(inputs, 40);  // 16 bytes a set
  ASSERT_EQ(pool.sets(), 3u);
  std::vector<std::vector<float>> seen;
  for (int i = 0; i < 4; ++i) pool.next(), seen.push_back(floats(inputs[0]));
  EXPECT_NE(seen[0], seen[1]);
  EXPECT_NE(seen[1], seen[2]);
  EXPECT_EQ(seen[0], seen[3]);
  pool.next(), pool.first();
  EXPECT_EQ(floats(inputs[0]), seen[0]);
}

TEST(Pool, GivesEveryProcessTheSameValues) {
  auto a = ports({"x=float32:1000:normal", "ids=int64:7:ids9"}), b = ports({"x=float32:1000:normal", "ids=int64:7:ids9"});
  Pool first(a, 0), second(b, 100'000);
  first.next(), second.next();
  EXPECT_EQ(floats(a[0]), floats(b[0]));
  EXPECT_EQ(integers(a[1]), integers(b[1]));
}

TEST(Pool, ValuesAreOfTheirKind) {
  auto inputs = ports({"x=float32:10000:normal", "ids=int64:1000:ids9", "mask=int64:2x6:mask"});
  Pool pool(inputs, 0);
  pool.next();
  double sum = 0, squares = 0;
  for (const float v : floats(inputs[0])) sum += v, squares += double{v} * v;
  EXPECT_NEAR(sum / 10000, 0, 0.05);
  EXPECT_NEAR(squares / 10000, 1, 0.05);
  EXPECT_THAT(integers(inputs[1]), testing::Each(testing::AllOf(testing::Ge(0), testing::Lt(9))));
  EXPECT_THAT(integers(inputs[1]), testing::Contains(8));
  EXPECT_THAT(integers(inputs[2]), testing::ElementsAre(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0));
}

}  // namespace
}  // namespace tercel::peers
