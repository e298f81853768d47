#include "load/clients_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/toml_text.h"
#include "load/quantity.h"
#include "load/reservation.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
// Version 3.3 asserts that a table's header begins with a key, and has the right error for "[{" on the next lines.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

namespace tercel::load {
namespace {

struct File {
  std::string name, folder;

  Error at(const toml::node& node, const std::string& message) const {
    return invalid(name + " line " + std::to_string(node.source().begin.line) + ": " + message);
  }
  std::string path(const std::string& text) const { return (std::filesystem::path(folder) / text).string(); }
};

Result<std::string> text_of(const toml::node& node, const File& file, const std::string& key) {
  const auto text = node.value_exact<std::string>();
  if (!text || text->empty()) return file.at(node, "'" + key + "' must be a string");
  return *text;
}

// A number above 0, whole or not.
Result<double> number_of(const toml::node& node, const File& file, const std::string& key, double high) {
  const auto value = node.value<double>();
  if (!node.is_number() || !value || !(*value > 0) || *value > high)
    return file.at(node, "'" + key + "' must be a number above 0 and at most " + std::to_string(static_cast<int64_t>(high)));
  return *value;
}

Result<void> take_arrivals(ClientOptions& client, const toml::node& node, const File& file) {
  std::string text = TRY(text_of(node, file, "arrivals"));
  constexpr std::string_view kTrace = "trace:";
  if (text == "closed") {
    client.closed = true;
    client.arrivals.text = text;
    return {};
  }
  if (text.starts_with(kTrace)) text = std::string(kTrace) + file.path(text.substr(kTrace.size()));
  auto parsed = parse_arrivals(text);
  if (!parsed.ok()) return file.at(node, parsed.error().message());
  parsed->rate = client.arrivals.rate;
  client.arrivals = parsed.take();
  return {};
}

Result<void> take_shapes(ClientOptions& client, const toml::node& node, const File& file) {
  if (const auto one = node.value_exact<std::string>()) {
    client.shapes.push_back(*one);
    return {};
  }
  const auto* list = node.as_array();
  if (!list) return file.at(node, "'shape' must be a string such as \"x=1x784\" or a list of them");
  for (const auto& item : *list) client.shapes.push_back(TRY(text_of(item, file, "shape")));
  return {};
}

Result<void> take_deadline(ClientOptions& client, const toml::node& node, const File& file) {
  const auto ns = parse_duration(TRY(text_of(node, file, "deadline")));
  if (!ns.ok()) return file.at(node, "'deadline': " + ns.error().message());
  if (*ns == 0) return file.at(node, "'deadline' must be longer than 0; leave it out for none");
  client.deadline_ns = *ns;
  return {};
}

Result<void> take_class(ClientOptions& client, const toml::node& node, const File& file) {
  const auto parsed = parse_class(TRY(text_of(node, file, "class")));
  if (!parsed.ok()) return file.at(node, parsed.error().message());
  client.latency_class = *parsed;
  return {};
}

Result<void> take_parameters(ClientOptions& client, const toml::node& node, const File& file) {
  const auto* table = node.as_table();
  if (!table) return file.at(node, "'parameters' must be a table such as { priority = 1 }");
  for (const auto& [key, value] : *table) {
    Parameter parameter{std::string(key.str()), {}};
    if (const auto truth = value.value_exact<bool>()) parameter.value = *truth;
    else if (const auto integer = value.value_exact<int64_t>()) parameter.value = *integer;
    else if (const auto real = value.value_exact<double>()) parameter.value = *real;
    else if (const auto text = value.value_exact<std::string>()) parameter.value = *text;
    else return file.at(value, "'parameters." + parameter.name + "' must be a boolean, a number or a string");
    const auto added = add_parameter(client.parameters, std::move(parameter));
    if (!added.ok()) return file.at(value, added.error().message());
  }
  return {};
}

Result<void> take(ClientOptions& client, const std::string& key, const toml::node& node, const File& file) {
  if (key == "name") client.name = TRY(text_of(node, file, key));
  else if (key == "model") client.model = TRY(text_of(node, file, key));
  else if (key == "version") client.version = TRY(text_of(node, file, key));
  else if (key == "class") TRY(take_class(client, node, file));
  else if (key == "reservation") client.reservation = TRY(text_of(node, file, key));
  else if (key == "deadline") TRY(take_deadline(client, node, file));
  else if (key == "rate") client.arrivals.rate = TRY(number_of(node, file, key, kRateMax));
  else if (key == "share") client.share = TRY(number_of(node, file, key, 1));
  else if (key == "arrivals") TRY(take_arrivals(client, node, file));
  else if (key == "shape") TRY(take_shapes(client, node, file));
  else if (key == "inputs") client.inputs = TRY(text_of(node, file, key));
  else if (key == "parameters") TRY(take_parameters(client, node, file));
  else if (key == "connections") {
    const auto count = node.value_exact<int64_t>();
    if (!count || *count < 1 || *count > kClientConnectionsMax)
      return file.at(node, "'connections' must be an integer from 1 to " + std::to_string(kClientConnectionsMax));
    client.connections = static_cast<uint32_t>(*count);
  } else {
    return file.at(node,
                   "unknown key '" + key +
                       "'; known are name, model, version, class, deadline, reservation, rate, share, arrivals, connections, "
                       "shape, inputs, parameters");
  }
  return {};
}

// What must, and must not, stand together.
Result<void> check_client(const ClientOptions& client, bool is_named, const toml::node& node, const File& file) {
  if (!is_named) return file.at(node, "a client needs a 'name'");
  const std::string who = "client '" + client.name + "'";
  if (client.model.empty()) return file.at(node, who + " needs a 'model'");
  const bool own_pace = client.closed || client.arrivals.process == Process::kTrace;
  const bool has_rate = client.arrivals.rate > 0, has_share = client.share > 0;
  if (own_pace && (has_rate || has_share))
    return file.at(node, who + " has a 'rate' or a 'share', but arrivals \"" + client.arrivals.text + "\" set their own pace");
  if (!own_pace && has_rate == has_share) return file.at(node, who + " needs a 'rate', or a 'share' of --rate, and not both");
  const auto sound = check_reservation(client);
  return sound.ok() ? sound : Result<void>(file.at(node, who + " " + sound.error().message()));
}

Result<ClientOptions> client_of(const toml::node& node, const File& file) {
  const auto* table = node.as_table();
  if (!table) return file.at(node, "clients are written as [[client]]");
  ClientOptions client;
  for (const auto& [key, value] : *table) TRY(take(client, std::string(key.str()), value, file));
  if (client.closed && !table->contains("connections")) client.connections = kClosedConnections;
  if (client.inputs == "random") client.inputs.clear();
  if (!client.inputs.empty()) client.inputs = file.path(client.inputs);
  TRY(check_client(client, table->contains("name"), node, file));
  return client;
}

}  // namespace

Result<std::string> parse_class(std::string_view text) {
  constexpr std::array<std::string_view, 4> kClasses = {"guaranteed", "hard", "soft", "bulk"};
  if (std::find(kClasses.begin(), kClasses.end(), text) == kClasses.end())
    return invalid("class '" + std::string(text) + "': known are guaranteed, hard, soft and bulk");
  return std::string(text);
}

Result<std::vector<ClientOptions>> parse_clients(std::string_view text, const std::string& name, const std::string& folder) {
  if (text.size() > kClientsFileBytesMax)
    return too_large(name + " is larger than " + std::to_string(kClientsFileBytesMax) + " bytes");
  const std::string ascii = TRY(ascii_toml(text, name));
  const File file{name, folder};
  const toml::parse_result parsed = toml::parse(std::string_view(ascii));
  if (!parsed)
    return invalid(name + " line " + std::to_string(parsed.error().source().begin.line) + ": " +
                   std::string(parsed.error().description()));
  std::vector<ClientOptions> clients;
  for (const auto& [key, node] : parsed.table()) {
    if (key.str() != "client")
      return file.at(node, "unknown key '" + std::string(key.str()) + "'; the file holds [[client]] tables");
    const auto* list = node.as_array();
    if (!list) return file.at(node, "clients are written as [[client]]");
    if (list->size() > kClientsMax) return file.at(node, "more than " + std::to_string(kClientsMax) + " clients");
    for (const auto& item : *list) {
      ClientOptions client = TRY(client_of(item, file));
      if (std::any_of(clients.begin(), clients.end(), [&](const auto& other) { return other.name == client.name; }))
        return file.at(item, "there are two clients '" + client.name + "'");
      clients.push_back(std::move(client));
    }
  }
  if (clients.empty()) return invalid(name + ": no client; write [[client]] with at least name, model and rate");
  return clients;
}

Result<std::vector<ClientOptions>> read_clients(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return io_error(path + ": the file of clients cannot be read");
  std::string text(kClientsFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return io_error(path + ": the file of clients cannot be read");
  text.resize(static_cast<size_t>(file.gcount()));
  return parse_clients(text, path, std::filesystem::path(path).parent_path().string());
}

}  // namespace tercel::load
