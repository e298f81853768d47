#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

namespace tercel {

// Why an operation failed, by what the caller can do about it. Transports map these to their own status codes.
enum class ErrorCode : unsigned char {
  kInvalid,      // the input is wrong; the message says where and what to change
  kNotFound,     // a name that does not exist
  kUnsupported,  // valid, but Tercel cannot do it; the message says what to do instead
  kLimit,        // larger than a documented limit
  kExhausted,    // a queue or quota is full; try again later
  kUnavailable,  // not ready (yet)
  kCancelled,    // the caller asked to stop
  kDeadline,     // the deadline passed first
  kIo,           // the operating system refused
  kNeedsValue,   // shape rules only: the output shape depends on data that is not known yet
  kInternal,     // a defect of Tercel
};

// A failure that a caller or the environment can cause. `message` is a sentence that a stranger can act on.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same error with "where: " in front, for callers that know the file or node.
  Error within(const std::string& where) const { return Error(code_, where + ": " + message_); }

 private:
  ErrorCode code_;
  std::string message_;
};

inline Error invalid(std::string message) { return Error(ErrorCode::kInvalid, std::move(message)); }
inline Error unsupported(std::string message) { return Error(ErrorCode::kUnsupported, std::move(message)); }
inline Error too_large(std::string message) { return Error(ErrorCode::kLimit, std::move(message)); }
inline Error not_found(std::string message) { return Error(ErrorCode::kNotFound, std::move(message)); }
inline Error io_error(std::string message) { return Error(ErrorCode::kIo, std::move(message)); }

// A broken invariant of our own is a defect, not an error: say where and stop.
inline void check(bool holds, const char* what, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (holds) [[likely]] return;
  std::fprintf(stderr, "tercel: broken invariant at %s:%d: %s\n", file, line, what);
  std::abort();
}

// A value or an Error. Owns either. Use TRY to take the value or return the error.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { check(ok(), "Result::value() of an error"); return *std::get_if<0>(&state_); }
  const T& value() const& { check(ok(), "Result::value() of an error"); return *std::get_if<0>(&state_); }
  T take() { check(ok(), "Result::take() of an error"); return std::move(*std::get_if<0>(&state_)); }
  T&& value() && { check(ok(), "Result::value() of an error"); return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const { check(!ok(), "Result::error() of a value"); return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  void value() const { check(ok(), "Result::value() of an error"); }
  void take() const { value(); }
  const Error& error() const { check(!ok(), "Result::error() of a value"); return *std::get_if<1>(&state_); }

 private:
  std::variant<std::monostate, Error> state_;
};

}  // namespace tercel

// TRY(expression): the value of a Result, or a return of its error from the enclosing function. A macro because only a
// macro can return from its caller; it is the only one of its kind.
#define TRY(...)                                          \
  ({                                                      \
    auto&& try_result_ = (__VA_ARGS__);                   \
    if (!try_result_.ok()) return try_result_.error();    \
    try_result_.take();                                    \
  })
