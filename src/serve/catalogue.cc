#include "serve/catalogue.h"

#include <algorithm>
#include <string>

#include "observe/log.h"

namespace tercel::serve {
namespace {

std::shared_ptr<Served> served_by(const Catalogue* previous, const std::shared_ptr<const registry::Version>& version) {
  if (!previous) return nullptr;
  for (const auto& served : previous->ready(version->model))
    if (served->version == version) return served;
  return nullptr;
}

void warn_of_short_room(const registry::Version& version, const Executor& executor) {
  const uint32_t wanted = version.settings.queue_max, room = executor.queue_max();
  if (wanted <= room) return;
  observe::log(observe::LogLevel::kWarning, "serve",
               "queue_max of the model is more than the server has room for: give --queue-max to have it all",
               {{"model", version.model}, {"wanted", std::to_string(wanted)}, {"room", std::to_string(room)}});
}

Error not_ready(const Catalogue& catalogue, const registry::Model& model, std::optional<int64_t> wanted) {
  std::string reason = model.reason;
  for (const auto& version : model.versions) {
    if (wanted && version->number != *wanted) continue;
    const std::string& refusal = catalogue.refusal(*version);
    reason = refusal.empty() ? version->reason : refusal;
  }
  return Error(ErrorCode::kUnavailable, "model '" + model.name + "' is not ready: " + reason);
}

}  // namespace

std::shared_ptr<const Catalogue> Catalogue::make(std::shared_ptr<const registry::Snapshot> snapshot, const Catalogue* previous,
                                                 Executor& executor) {
  auto catalogue = std::make_shared<Catalogue>();
  catalogue->snapshot_ = std::move(snapshot);
  for (const auto& [name, model] : catalogue->snapshot_->models) {
    for (const auto& version : model.versions) {
      if (version->state != registry::State::kReady) continue;
      auto served = served_by(previous, version);
      if (!served) {
        auto made = Served::make(version, executor);
        if (!made.ok()) {
          catalogue->refused_[version.get()] = made.error().message();
          observe::log(observe::LogLevel::kError, "serve", made.error().message(), {{"model", version->model}});
          continue;
        }
        served = made.take();
        warn_of_short_room(*version, executor);
      }
      catalogue->ready_[name].push_back(std::move(served));
    }
  }
  return catalogue;
}

Result<std::shared_ptr<Served>> Catalogue::find(std::string_view name, std::optional<int64_t> number) const {
  const auto& candidates = ready(name);
  if (!number && !candidates.empty()) return candidates.back();
  for (const auto& served : candidates)
    if (served->version->number == number) return served;
  const auto model = snapshot_->models.find(name);
  if (model == snapshot_->models.end())
    return not_found("no model '" + std::string(name) + "'; POST v2/repository/index lists the models");
  const auto& versions = model->second.versions;
  const bool known =
      !number || std::any_of(versions.begin(), versions.end(), [&](const auto& v) { return v->number == *number; });
  if (known || !model->second.reason.empty()) return not_ready(*this, model->second, number);
  return not_found("model '" + std::string(name) + "' has no version " + std::to_string(*number));
}

const std::string& Catalogue::refusal(const registry::Version& version) const {
  static const std::string kNone;
  const auto entry = refused_.find(&version);
  return entry == refused_.end() ? kNone : entry->second;
}

const std::vector<std::shared_ptr<Served>>& Catalogue::ready(std::string_view model) const {
  static const std::vector<std::shared_ptr<Served>> kNone;
  const auto entry = ready_.find(model);
  return entry == ready_.end() ? kNone : entry->second;
}

}  // namespace tercel::serve
