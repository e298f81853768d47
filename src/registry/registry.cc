#include "registry/registry.h"

#include <charconv>

#include "observe/log.h"
#include "platform/clock.h"

namespace tercel::registry {
namespace {

std::string text_of(float number) {
  char text[24];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

// Of a ladder: what there is to choose from.
void log_variants(const Version& version, const std::string& number) {
  for (const OpenedVariant& variant : version.opened.variants) {
    if (variant.name.empty()) continue;
    const MeasuredCost* const cost = one_row_of(variant);
    observe::log(observe::LogLevel::kInfo, "registry", "variant is ready",
                 {{"model", version.model},
                  {"version", number},
                  {"variant", variant.name},
                  {"accuracy", text_of(variant.accuracy)},
                  {"p50_us", cost ? std::to_string(cost->p50_ns / 1000) : "unknown"},
                  {"longest_us", cost ? std::to_string(cost->longest_ns / 1000) : "unknown"}});
  }
}

void log_loaded(const Version& version, int64_t took_ns) {
  const auto number = std::to_string(version.number);
  const auto took = std::to_string(took_ns / 1000);
  if (version.state == State::kReady) {
    observe::log(observe::LogLevel::kInfo, "registry", "model is ready",
                 {{"model", version.model}, {"version", number}, {"duration_us", took}});
    log_variants(version, number);
  } else {
    observe::log(observe::LogLevel::kError, "registry", "model could not be loaded",
                 {{"model", version.model}, {"version", number}, {"reason", version.reason}});
  }
  if (!version.opened.notice.empty()) {
    observe::log(observe::LogLevel::kWarning, "registry", version.opened.notice, {{"model", version.model}, {"version", number}});
  }
}

bool any_ready(const Model& model) {
  for (const auto& version : model.versions)
    if (version->state == State::kReady) return true;
  return false;
}

std::string first_reason(const Model& model) {
  if (!model.reason.empty()) return model.reason;
  for (const auto& version : model.versions)
    if (!version->reason.empty()) return version->reason;
  return "no version is ready";
}

// Reasons are shown to clients, whom the server's folders do not concern.
std::string without_path(std::string text, const std::string& repository) {
  const std::string prefix = repository.ends_with('/') ? repository : repository + "/";
  for (size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
  return text;
}

}  // namespace

std::string_view state_name(State state) { return state == State::kReady ? "READY" : "UNAVAILABLE"; }

Result<std::unique_ptr<Registry>> Registry::open(const std::string& repository, Opener opener) {
  const auto found = TRY(scan(repository));
  std::unique_ptr<Registry> registry(new Registry(repository, std::move(opener)));
  for (const auto& model : found) registry->publish(registry->load_found(model));
  return registry;
}

Model Registry::load_found(const FoundModel& found) const {
  Model model{.name = found.name, .reason = without_path(found.reason, repository_)};
  if (!found.reason.empty()) {
    observe::log(observe::LogLevel::kError, "registry", "model could not be loaded",
                 {{"model", found.name}, {"reason", model.reason}});
    return model;
  }
  for (const int64_t number : found.versions) {
    const int64_t begun_ns = platform::now_ns();
    auto version = std::make_shared<Version>();
    version->model = found.name;
    version->number = number;
    version->settings = found.settings;
    auto opened = opener_(found.directory + "/" + std::to_string(number), found.settings);
    if (opened.ok()) {
      version->state = State::kReady;
      version->opened = opened.take();
      check(!version->opened.variants.empty(), "an opened model has a variant");
    } else {
      version->reason = without_path(opened.error().message(), repository_);
    }
    log_loaded(*version, platform::now_ns() - begun_ns);
    model.versions.push_back(std::move(version));
  }
  return model;
}

Result<void> Registry::load(const std::string& name) {
  const std::lock_guard lock(changing_);
  const auto found = TRY(scan_model(repository_, name));
  Model model = load_found(found);
  if (!any_ready(model)) return invalid("model '" + name + "' could not be loaded: " + first_reason(model));
  publish(std::move(model));
  return {};
}

Result<void> Registry::unload(const std::string& name) {
  const std::lock_guard lock(changing_);
  const auto now = snapshot();
  const auto entry = now->models.find(name);
  if (entry == now->models.end()) return not_found("no model '" + name + "' is loaded");
  Model model{.name = name, .reason = ""};
  for (const auto& old : entry->second.versions) {
    auto version = std::make_shared<Version>();
    version->model = name;
    version->number = old->number;
    version->state = State::kUnloaded;
    version->reason = "unloaded";
    model.versions.push_back(std::move(version));
  }
  publish(std::move(model));
  return {};
}

void Registry::publish(Model model) {
  auto next = std::make_shared<Snapshot>(*snapshot());
  const std::string name = model.name;
  next->models.insert_or_assign(name, std::move(model));
  const std::lock_guard lock(snapshot_mutex_);
  snapshot_ = std::move(next);
}

std::shared_ptr<const Snapshot> Registry::snapshot() const {
  const std::lock_guard lock(snapshot_mutex_);
  return snapshot_;
}

}  // namespace tercel::registry
