#include "capi/status.h"
#include "custom/library.h"
#include "ops/custom.h"

using tercel::capi::fail;
using tercel::capi::guarded;

extern "C" {

tercel_status tercel_operators_load(const char* path, tercel_error* error) {
  return guarded(error, [&] {
    if (!path) return fail(error, TERCEL_INVALID, "a path is needed");
    const auto loaded = tercel::custom::load_operators(path);
    return loaded.ok() ? tercel_status{TERCEL_OK} : fail(error, loaded.error());
  });
}

tercel_status tercel_operators_add(const tercel_operator* const* operators, size_t count, tercel_error* error) {
  return guarded(error, [&] {
    if (!operators && count > 0) return fail(error, TERCEL_INVALID, "a list of operators is needed");
    const auto added = tercel::ops::add_custom_operators({operators, count});
    return added.ok() ? tercel_status{TERCEL_OK} : fail(error, added.error());
  });
}

}  // extern "C"
