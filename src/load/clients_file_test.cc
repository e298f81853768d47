#include "load/clients_file.h"

#include <gtest/gtest.h>

namespace tercel::load {
namespace {

Result<std::vector<ClientOptions>> parse(const std::string& text) { return parse_clients(text, "c.toml", "/samples"); }

TEST(ClientsFile, EveryKey) {
  const auto clients = parse(R"(
[[client]]
name = "interactive"
model = "mlp"
version = "3"
class = "hard"
deadline = "20ms"
rate = 100
arrivals = "on-off:10ms/90ms"
connections = 8
shape = ["x=1x784", "y=1"]
inputs = "digits.npz"
parameters = { priority = 1, on = true, x = 0.5, id = "7" }

[[client]]
name = "flood"
model = "mlp"
class = "bulk"
arrivals = "closed"
connections = 64
inputs = "random"

[[client]]
name = "part"
model = "cnn"
share = 0.25
shape = "x=1x1x8x8"
)");
  ASSERT_TRUE(clients.ok()) << clients.error().message();
  ASSERT_EQ(clients->size(), 3u);
  const ClientOptions &first = (*clients)[0], &flood = (*clients)[1], &part = (*clients)[2];
  EXPECT_EQ(first.name, "interactive");
  EXPECT_EQ(first.version, "3");
  EXPECT_EQ(first.latency_class, "hard");
  EXPECT_EQ(first.deadline_ns, 20'000'000);
  EXPECT_EQ(first.arrivals.rate, 100);
  EXPECT_EQ(first.arrivals.process, Process::kOnOff);
  EXPECT_EQ(first.connections, 8u);
  EXPECT_EQ(first.shapes.size(), 2u);
  EXPECT_EQ(first.inputs, "/samples/digits.npz");
  std::string parameters;
  JsonWriter writer(parameters);
  writer.begin_object();
  write_parameters(writer, first.parameters);
  writer.end_object();
  EXPECT_EQ(parameters, R"({"id":"7","on":true,"priority":1,"x":0.5})");
  EXPECT_TRUE(flood.closed);
  EXPECT_TRUE(flood.inputs.empty());
  EXPECT_EQ(part.share, 0.25);
  EXPECT_FALSE(part.closed);
  EXPECT_EQ(part.connections, kOpenConnections);
  EXPECT_EQ(parse("[[client]]\nname = \"a\"\nmodel = \"m\"\narrivals = \"closed\"\n")->at(0).connections, kClosedConnections);
}

TEST(ClientsFile, WhatIsWrongIsSaidWithItsLine) {
  const std::string good = "[[client]]\nname = \"a\"\nmodel = \"m\"\nrate = 1\n";
  const struct {
    std::string text, says;
  } cases[] = {
      {"", "no client"},
      {"x = 1\n", "line 1: unknown key 'x'"},
      {"client = 3\n", "line 1: clients are written as [[client]]"},
      {good + "rat = 2\n", "line 5: unknown key 'rat'; known are name"},
      {good + "deadline = 20\n", "line 5: 'deadline' must be a string"},
      {good + "deadline = \"20\"\n", "line 5: 'deadline': '20' is not a duration"},
      {good + "deadline = \"0\"\n", "line 5: 'deadline' must be longer than 0"},
      {good + "class = \"urgent\"\n", "line 5: class 'urgent': known are guaranteed"},
      {good + "connections = 0\n", "line 5: 'connections' must be an integer from 1 to 16384"},
      {good + "connections = 1.5\n", "line 5: 'connections'"},
      {good + "arrivals = \"sometimes\"\n", "line 5: arrivals 'sometimes': known are"},
      {good + "arrivals = \"trace:none\"\n", "line 5: /samples/none: the trace cannot be read"},
      {good + "arrivals = \"closed\"\n", "set their own pace"},
      {good + "share = 0.5\n", "line 1: client 'a' needs a 'rate', or a 'share'"},
      {good + "shape = 3\n", "line 5: 'shape' must be a string"},
      {good + "shape = [3]\n", "line 5: 'shape' must be a string"},
      {good + "parameters = 3\n", "line 5: 'parameters' must be a table"},
      {good + "parameters = { a = [1] }\n", "line 5: 'parameters.a' must be a boolean, a number or a string"},
      {good + "parameters = { a = inf }\n", "line 5: parameter 'a' is not a finite number"},
      {good + "parameters = { binary_data_output = false }\n", "line 5: parameter 'binary_data_output' is always sent"},
      {good + "name = \"b\"\n", "line 5"},
      {good + good, "line 5: there are two clients 'a'"},
      {"[[client]]\nname = \"a\"\nrate = 1\n", "line 1: client 'a' needs a 'model'"},
      {"[[client]]\nmodel = \"a\"\nrate = 1\n", "line 1: a client needs a 'name'"},
      {"[[client]]\nname = \"a\"\nmodel = \"m\"\n", "needs a 'rate'"},
      {"[[client]]\nname = \"a\"\nmodel = \"m\"\nrate = -1\n", "line 4: 'rate' must be a number above 0"},
      {"[[client]]\nname = \"a\"\nmodel = \"m\"\nrate = nan\n", "line 4: 'rate' must be a number above 0"},
      {"[[client]]\nname = \"a\"\nmodel = \"m\"\nrate = \"1\"\n", "line 4: 'rate' must be a number above 0"},
      {"[[client]]\nname = \"a\"\nmodel = \"m\"\nshare = 2\n", "line 4: 'share' must be a number above 0 and at most 1"},
      {"[[client\n", "line 1"},
      {"\n[{client", "line 2"},  // on which the library used to assert
      {"\n[\xCC\xA4t", "line 2: a character beyond ASCII"},
      {std::string(kClientsFileBytesMax + 1, '\n'), "larger than"},
  };
  for (const auto& c : cases) {
    const auto clients = parse(c.text);
    ASSERT_FALSE(clients.ok()) << c.text;
    EXPECT_NE(clients.error().message().find(c.says), std::string::npos) << clients.error().message() << "; expected: " << c.says;
    EXPECT_EQ(clients.error().message().find("c.toml"), 0u);
  }
}

TEST(ClientsFile, NamesMayBeAnything) {
  const auto clients = parse("[[client]] # gr\xC3\xB6\xC3\x9F\x65r\nname = \"B\xC3\xBCro\"\nmodel = \"m\"\nrate = 1\n");
  ASSERT_TRUE(clients.ok()) << clients.error().message();
  EXPECT_EQ((*clients)[0].name, "B\xC3\xBCro");
}

TEST(ClientsFile, AMissingFile) {
  EXPECT_NE(read_clients("/no/such.toml").error().message().find("/no/such.toml"), std::string::npos);
}

}  // namespace
}  // namespace tercel::load
