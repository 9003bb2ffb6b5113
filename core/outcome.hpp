// A value, or one line that says why there is none.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace anyprobe {

struct Error {
  std::string what;
};

template <typename T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Outcome(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Only where ok().
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  const T* operator->() const { return &value(); }

  // Only where not ok().
  [[nodiscard]] const std::string& error() const { return std::get<1>(state_).what; }

 private:
  std::variant<T, Error> state_;
};

}  // namespace anyprobe
