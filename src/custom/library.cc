#include "custom/library.h"

#include <dlfcn.h>
#include <unistd.h>

#include "ops/custom.h"

namespace tercel::custom {

namespace {

using Entry = decltype(&tercel_operators);

std::string loader_says() {
  const char* text = dlerror();
  return text ? text : "the loader does not say why";
}

Result<std::span<const tercel_operator* const>> operators_of(void* library) {
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "tercel_operators"));
  if (!entry) return invalid("it exports no tercel_operators: is it a library of operators (tercel/operator.h)?");
  size_t count = 0;
  const tercel_operator* const* const list = entry(TERCEL_OPERATOR_ABI, &count);
  if (count == 0 || !list)
    return unsupported("it has no operators for version " + std::to_string(TERCEL_OPERATOR_ABI) +
                       " of tercel/operator.h: build it with the header of this Tercel");
  if (count > ops::kCustomOperatorsMax)
    return too_large("it lists " + std::to_string(count) + " operators, more than " + std::to_string(ops::kCustomOperatorsMax));
  return std::span(list, count);
}

Result<void> load(const std::string& path) {
  // Without a slash the loader would look in the system's folders.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  if (access(file.c_str(), F_OK) != 0) return not_found("there is no such library of operators");
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return invalid("it cannot be loaded: " + loader_says());
  auto added = [&]() -> Result<void> { return ops::add_custom_operators(TRY(operators_of(library))); }();
  if (!added) dlclose(library);  // nothing of it is known
  return added;
}

}  // namespace

Result<void> load_operators(const std::string& path) {
  auto loaded = load(path);
  if (!loaded) return loaded.error().within(path);
  return loaded;
}

}  // namespace tercel::custom
