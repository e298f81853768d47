#include <cstdio>

#include "cli/commands.h"

namespace tercel::cli {

namespace {

// "--long" names of a command's options, and those all commands share.
std::string option_names(const CLI::App& command, const CLI::App& root) {
  std::string names;
  for (const CLI::App* app : {&command, &root})
    for (const CLI::Option* option : app->get_options())
      for (const std::string& name : option->get_lnames())
        if (names.find("--" + name + " ") == std::string::npos) names += "--" + name + " ";
  return names;
}

std::string command_names(const CLI::App& root) {
  std::string names;
  for (const CLI::App* command : root.get_subcommands({})) names += command->get_name() + " ";
  return names;
}

void print_bash(const CLI::App& root) {
  std::printf("_tercel() {\n  local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}\n");
  std::printf("  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"%s\" -- \"$current\")); return; fi\n",
              command_names(root).c_str());
  std::printf("  case \"$current\" in\n  -*)\n    case \"$command\" in\n");
  for (const CLI::App* command : root.get_subcommands({}))
    std::printf("      %s) COMPREPLY=($(compgen -W \"%s\" -- \"$current\")) ;;\n", command->get_name().c_str(),
                option_names(*command, root).c_str());
  std::printf(
      "    esac ;;\n  *) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n  esac\n}\ncomplete -o filenames -F _tercel tercel\n");
}

void print_zsh(const CLI::App& root) {
  std::printf("#compdef tercel\nautoload -U +X bashcompinit && bashcompinit\n");
  print_bash(root);
}

void print_fish(const CLI::App& root) {
  for (const CLI::App* command : root.get_subcommands({})) {
    const std::string name = command->get_name();
    std::string description = command->get_description();
    std::erase(description, '\'');
    std::printf("complete -c tercel -n __fish_use_subcommand -a %s -d '%s'\n", name.c_str(), description.c_str());
    for (const CLI::Option* option : command->get_options())
      for (const std::string& option_name : option->get_lnames())
        std::printf("complete -c tercel -n '__fish_seen_subcommand_from %s' -l %s\n", name.c_str(), option_name.c_str());
  }
}

}  // namespace

void add_completion(CLI::App& app, const Shared&, Action& action) {
  auto* command = app.add_subcommand("completion", "print a completion script: source <(tercel completion bash)");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([=, &app, &action] {
    action = [=, &app]() -> Result<void> {
      if (*shell == "bash") print_bash(app);
      else if (*shell == "zsh") print_zsh(app);
      else print_fish(app);
      return {};
    };
  });
}

}  // namespace tercel::cli
