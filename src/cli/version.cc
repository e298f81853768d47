#include "base/version.h"

#include "base/json.h"
#include "cli/commands.h"
#include "plan/plan.h"
#include "platform/cpus.h"
#include "platform/isa.h"

namespace tercel::cli {

namespace {

Result<void> version(const Terminal& terminal) {
  const std::string isa(platform::isa_name(platform::host_isa()));
  if (terminal.json) {
    std::string out;
    JsonWriter(out)
        .begin_object()
        .field("version", kVersion)
        .field("plan_format", plan::kFormatVersion)
        .field("isa", isa)
        .field("cpu", platform::cpu_model())
        .field("threads", platform::usable_cpus())
        .end_object();
    std::printf("%s\n", out.c_str());
  } else {
    std::printf("tercel %s, plan format %u\n%s, %s, %d usable threads\n", kVersion.data(), plan::kFormatVersion,
                platform::cpu_model().c_str(), isa.c_str(), platform::usable_cpus());
  }
  return {};
}

}  // namespace

void add_version(CLI::App& app, const Shared& shared, Action& action) {
  auto* command = app.add_subcommand("version", "versions of the program and of its plan format, and what this machine offers");
  command->callback([&shared, &action] { action = [&shared] { return version(shared.terminal()); }; });
}

}  // namespace tercel::cli
