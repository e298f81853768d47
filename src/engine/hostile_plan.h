#pragma once

#include <cstddef>
#include <span>

namespace tercel::engine {

// Parses any bytes as a plan (checksums aside), and where they are one, binds its smallest shapes and runs it on zeros, with
// little memory and for a bounded time. Whatever the bytes, this returns: true when a run succeeded. For the fuzzer and
// the mutation test.
bool run_anything(std::span<const std::byte> bytes);

}  // namespace tercel::engine
