#include "observe/trace/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace tercel::observe::trace {
namespace {

using Variables = std::map<std::string, std::string>;

Result<std::optional<Options>> read(const Variables& variables) {
  return options_from([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

const Variables kEndpoint = {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/"}};

Variables with(Variables variables) {
  variables.insert(kEndpoint.begin(), kEndpoint.end());
  return variables;
}

TEST(TraceOptions, AreOffWithoutAnEndpoint) {
  const Variables cases[] = {
      {},
      {{"OTEL_EXPORTER_OTLP_ENDPOINT", ""}},
      {{"OTEL_TRACES_SAMPLER", "always_on"}},
      with({{"OTEL_SDK_DISABLED", "True"}}),
      with({{"OTEL_TRACES_EXPORTER", "none"}}),
  };
  for (const auto& variables : cases) {
    const auto options = read(variables);
    ASSERT_TRUE(options.ok());
    EXPECT_FALSE(*options);
  }
}

TEST(TraceOptions, HaveTheStandardsDefaults) {
  const Options options = *read(kEndpoint).take();
  EXPECT_EQ(options.collector.path, "/v1/traces");
  EXPECT_EQ(options.collector.authority, "collector:4318");
  EXPECT_EQ(options.queue_max, 2048u);
  EXPECT_EQ(options.batch_max, 512u);
  EXPECT_EQ(options.delay.count(), 5000);
  EXPECT_EQ(options.timeout.count(), 10'000);
  EXPECT_TRUE(options.sampler.parent_based);
  EXPECT_EQ(options.sampler.ratio, 1);
  EXPECT_EQ(options.resource.front(), (std::pair<std::string, std::string>("service.name", "tercel")));
}

TEST(TraceOptions, AreRead) {
  const Options options = *read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:1"},
                                 {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", " http://traces:2/mine "},
                                 {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
                                 {"OTEL_SERVICE_NAME", "ranking"},
                                 {"OTEL_RESOURCE_ATTRIBUTES", "service.name=other, site=eu%2C west ,,empty="},
                                 {"OTEL_TRACES_SAMPLER", "traceidratio"},
                                 {"OTEL_TRACES_SAMPLER_ARG", "0.25"},
                                 {"OTEL_BSP_MAX_QUEUE_SIZE", "100"},
                                 {"OTEL_BSP_SCHEDULE_DELAY", "70"},
                                 {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "900"}})
                               .take();
  EXPECT_EQ(options.collector.url, "http://traces:2/mine");
  EXPECT_EQ(options.collector.path, "/mine");
  EXPECT_FALSE(options.sampler.parent_based);
  EXPECT_EQ(options.sampler.ratio, 0.25);
  EXPECT_EQ(options.queue_max, 100u);
  EXPECT_EQ(options.batch_max, 100u);
  EXPECT_EQ(options.delay.count(), 70);
  EXPECT_EQ(options.timeout.count(), 900);
  const Resource expected = {{"service.name", "ranking"}, {"site", "eu, west"}, {"empty", ""}};
  for (const auto& item : expected) EXPECT_THAT(options.resource, testing::Contains(item));
  EXPECT_THAT(options.resource, testing::Not(testing::Contains(testing::Pair("service.name", "other"))));
}

TEST(TraceOptions, SamplersHaveNames) {
  struct Case {
    const char* name;
    double ratio;
    bool parent_based;
  };
  const Case cases[] = {
      {"always_on", 1, false},
      {"always_off", 0, false},
      {"traceidratio", 1, false},
      {"parentbased_always_on", 1, true},
      {"parentbased_always_off", 0, true},
      {"parentbased_traceidratio", 1, true},
  };
  for (const Case& c : cases) {
    const auto options = read(with({{"OTEL_TRACES_SAMPLER", c.name}}));
    ASSERT_TRUE(options.ok()) << c.name;
    EXPECT_EQ((*options)->sampler.ratio, c.ratio) << c.name;
    EXPECT_EQ((*options)->sampler.parent_based, c.parent_based) << c.name;
  }
}

TEST(TraceOptions, WhatMakesNoSenseIsNamed) {
  struct Case {
    const char *name, *value;
  };
  const Case cases[] = {
      {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector:4318"},
      {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"},
      {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
      {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"},
      {"OTEL_TRACES_EXPORTER", "zipkin"},
      {"OTEL_TRACES_SAMPLER", "sometimes"},
      {"OTEL_TRACES_SAMPLER", "parentbased_"},
      {"OTEL_BSP_MAX_QUEUE_SIZE", "1"},
      {"OTEL_BSP_MAX_QUEUE_SIZE", "65537"},
      {"OTEL_BSP_MAX_QUEUE_SIZE", "many"},
      {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0"},
      {"OTEL_BSP_SCHEDULE_DELAY", "-1"},
      {"OTEL_BSP_SCHEDULE_DELAY", "5s"},
      {"OTEL_EXPORTER_OTLP_TIMEOUT", "0"},
      {"OTEL_RESOURCE_ATTRIBUTES", "site"},
      {"OTEL_RESOURCE_ATTRIBUTES", "=eu"},
      {"OTEL_RESOURCE_ATTRIBUTES", "site=%2"},
      {"OTEL_RESOURCE_ATTRIBUTES", "site=%gg"},
      {"OTEL_RESOURCE_ATTRIBUTES", "site=%ff"},
  };
  for (const Case& c : cases) {
    const auto options = read(with({{c.name, c.value}}));
    ASSERT_FALSE(options.ok()) << c.name << "=" << c.value;
    EXPECT_THAT(options.error().message(), testing::HasSubstr(c.name)) << c.value;
  }
  for (const char* ratio : {"1.5", "-0.1", "half", "nan"}) {
    const auto options = read(with({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", ratio}}));
    ASSERT_FALSE(options.ok()) << ratio;
    EXPECT_THAT(options.error().message(), testing::HasSubstr("OTEL_TRACES_SAMPLER_ARG is '" + std::string(ratio)));
    EXPECT_THAT(options.error().message(), testing::HasSubstr("between 0 and 1"));
  }
  std::string many;
  for (size_t i = 0; i <= kResourceAttributesMax; ++i) many += "a" + std::to_string(i) + "=b,";
  EXPECT_FALSE(read(with({{"OTEL_RESOURCE_ATTRIBUTES", many}})).ok());
}

}  // namespace
}  // namespace tercel::observe::trace
