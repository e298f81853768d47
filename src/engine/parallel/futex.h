#pragma once

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>

// The futex calls that parking needs, on a 32-bit word private to this process.
namespace tercel::engine {

// Sleeps while `word` is `expected`; may wake for no reason.
void futex_wait(std::atomic<uint32_t>& word, uint32_t expected);
void futex_wait_for(std::atomic<uint32_t>& word, uint32_t expected, std::chrono::nanoseconds time);
void futex_wake(std::atomic<uint32_t>& word, int threads_max = INT_MAX);

}  // namespace tercel::engine
