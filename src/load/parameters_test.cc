#include "load/parameters.h"

#include <gtest/gtest.h>

#include <limits>

namespace tercel::load {
namespace {

std::string written(const std::vector<std::string>& texts) {
  std::vector<Parameter> parameters;
  for (const std::string& text : texts) {
    auto parsed = parse_parameter(text);
    EXPECT_TRUE(parsed.ok() && add_parameter(parameters, parsed.take()).ok()) << text;
  }
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  write_parameters(writer, parameters);
  writer.end_object();
  return json;
}

TEST(Parameters, TypesAreWhatTheyLookLike) {
  EXPECT_EQ(written({"priority=1", "timeout=-20000", "on=true", "off=false", "x=0.5", "e=1e3"}),
            R"({"priority":1,"timeout":-20000,"on":true,"off":false,"x":0.5,"e":1000})");
  EXPECT_EQ(written({"a=text", "b=", "c=\"7\"", "d=1us", "e=nan", "f=a=b", "g=True"}),
            R"({"a":"text","b":"","c":"7","d":"1us","e":"nan","f":"a=b","g":"True"})");
}

TEST(Parameters, WhatIsWrongIsSaid) {
  EXPECT_FALSE(parse_parameter("priority").ok());
  EXPECT_FALSE(parse_parameter("=1").ok());
  std::vector<Parameter> parameters;
  EXPECT_TRUE(add_parameter(parameters, {"a", true}).ok());
  EXPECT_NE(add_parameter(parameters, {"a", false}).error().message().find("twice"), std::string::npos);
  EXPECT_NE(add_parameter(parameters, {"binary_data_output", false}).error().message().find("always sent"), std::string::npos);
  EXPECT_NE(add_parameter(parameters, {"", false}).error().message().find("name"), std::string::npos);
  EXPECT_NE(add_parameter(parameters, {"x", std::numeric_limits<double>::infinity()}).error().message().find("finite"),
            std::string::npos);
  while (parameters.size() < kParametersMax)
    EXPECT_TRUE(add_parameter(parameters, {"p" + std::to_string(parameters.size()), int64_t{1}}).ok());
  EXPECT_FALSE(add_parameter(parameters, {"one too many", true}).ok());
}

}  // namespace
}  // namespace tercel::load
