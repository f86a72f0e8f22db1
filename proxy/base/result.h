// Result<T>: a value or an error that says what is wrong and what to do. std::expected needs C++23.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace halfdoor {

// An error for people: one sentence, without a trailing full stop or newline.
struct Error {
  std::string message;
};

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    HALFDOOR_CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    HALFDOOR_CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    HALFDOOR_CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

  const E& error() const {
    HALFDOOR_CHECK(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, E> state_;
};

// The result of something that yields nothing but may fail.
template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(E error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const E& error() const {
    HALFDOOR_CHECK(!ok());
    return *error_;
  }

 private:
  std::optional<E> error_;
};

using Status = Result<void, Error>;

}  // namespace halfdoor
