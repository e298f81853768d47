#pragma once

#include <atomic>
#include <cstdint>

// The two futex calls that parking needs, on a 32-bit word private to this process.
namespace tercel::engine {

// Sleeps while `word` is `expected`; may wake for no reason.
void futex_wait(std::atomic<uint32_t>& word, uint32_t expected);
void futex_wake_all(std::atomic<uint32_t>& word);

}  // namespace tercel::engine
