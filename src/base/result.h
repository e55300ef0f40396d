// Result<T>: a value or an Error. The member names are those of std::expected (C++23), so that a
// newer compiler can replace this file.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tidemark {

// Chosen by what the caller does about it, not by where it happened.
enum class ErrorCode {
  kInvalidArgument,    // the request or input is wrong; repeating it is useless
  kCorrupt,            // stored bytes fail their own checks
  kNotFound,           // the named thing is not there
  kResourceExhausted,  // a limit of ours was crossed; retry later if `retryable`
  kUnavailable,        // a peer or a part of us is not ready; retry later
  kIo,                 // the operating system refused
  kInternal,           // our own mistake
};

std::string_view ErrorCodeName(ErrorCode code);

// What went wrong, with the offending value and place in `message`.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  bool retryable = false;
};

inline Error InvalidArgument(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}
inline Error Corrupt(std::string message) { return {ErrorCode::kCorrupt, std::move(message)}; }
inline Error NotFound(std::string message) { return {ErrorCode::kNotFound, std::move(message)}; }
inline Error TooLarge(std::string message) {
  return {ErrorCode::kResourceExhausted, std::move(message)};
}
inline Error Overloaded(std::string message) {
  return {ErrorCode::kResourceExhausted, std::move(message), true};
}
inline Error Unavailable(std::string message) {
  return {ErrorCode::kUnavailable, std::move(message), true};
}
inline Error IoError(std::string message) { return {ErrorCode::kIo, std::move(message)}; }
inline Error Internal(std::string message) { return {ErrorCode::kInternal, std::move(message)}; }

// Holds a T or an Error. Reading the one that is not there ends the program.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return *Checked(); }
  const T& value() const& { return *const_cast<Result*>(this)->Checked(); }
  T&& value() && { return std::move(*Checked()); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return Checked(); }
  const T* operator->() const { return const_cast<Result*>(this)->Checked(); }

  const Error& error() const { return std::get<1>(state_); }
  T value_or(T fallback) const { return has_value() ? value() : std::move(fallback); }

 private:
  T* Checked() {
    if (T* value = std::get_if<0>(&state_)) return value;
    std::fprintf(stderr, "Result::value() on an error: %s\n", error().message.c_str());
    std::abort();
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit
  bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace tidemark

// Returns the error of `expr` from the enclosing function, or goes on.
#define TIDEMARK_RETURN_IF_ERROR(expr)                        \
  do {                                                        \
    if (auto status = (expr); !status) return status.error(); \
  } while (0)

#define TIDEMARK_CONCAT_INNER(a, b) a##b
#define TIDEMARK_CONCAT(a, b) TIDEMARK_CONCAT_INNER(a, b)

// TIDEMARK_ASSIGN_OR_RETURN(auto x, F()): x is F's value, or its error is returned.
#define TIDEMARK_ASSIGN_OR_RETURN(lhs, expr) \
  TIDEMARK_ASSIGN_OR_RETURN_IMPL(TIDEMARK_CONCAT(result_, __LINE__), lhs, expr)
#define TIDEMARK_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                                   \
  if (!result) return result.error();                     \
  lhs = std::move(*result)
