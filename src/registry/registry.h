#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "registry/instance.h"
#include "registry/repository.h"

namespace tercel::registry {

// Life of a version: loaded -> kReady | kFailed; either -> kUnloaded. A version never comes back to life: loading again
// makes a new one.
enum class State : uint8_t { kReady, kFailed, kUnloaded };
std::string_view state_name(State state);  // "READY", "UNAVAILABLE"

// One version of one model. Immutable; its instances are used by whoever serves it, one request each at a time.
struct Version {
  std::string model;
  int64_t number = 0;
  State state = State::kFailed;
  std::string reason;  // why it is not ready
  ModelSettings settings;
  OpenedModel opened;  // empty unless ready
};

struct Model {
  std::string name;
  std::string reason;                                    // not empty: broken before any version was looked at
  std::vector<std::shared_ptr<const Version>> versions;  // ascending
};

// All models at one instant. Immutable: a change makes a new snapshot.
struct Snapshot {
  std::map<std::string, Model, std::less<>> models;
};

// Loads models of one repository. load() and unload() may be called from any thread and run one after another; readers
// hold snapshots and never wait for them.
class Registry {
 public:
  // Reads the repository and loads everything its settings select. Broken models are in the snapshot with their reason.
  static Result<std::unique_ptr<Registry>> open(const std::string& repository, Opener opener);

  // Loads one model again from disk. On failure the versions that serve stay.
  Result<void> load(const std::string& model);
  Result<void> unload(const std::string& model);

  std::shared_ptr<const Snapshot> snapshot() const;

 private:
  Registry(std::string repository, Opener opener) : repository_(std::move(repository)), opener_(std::move(opener)) {}
  Model load_found(const FoundModel& found) const;
  void publish(Model model);

  const std::string repository_;
  const Opener opener_;
  std::mutex changing_;                // held while a model is loaded
  mutable std::mutex snapshot_mutex_;  // held for a pointer copy
  std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<Snapshot>();
};

}  // namespace tercel::registry
