// The members of a JSON object, as they stand in its text.
//
// Pure: what is passed on goes byte for byte, numbers keep their digits, and no tree of values is
// built.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace interlock {

// Whether the text, known to be one well-formed JSON value, is an object.
bool is_json_object(std::string_view text);

// Walks over the members of one object, which is known to be well-formed.
class JsonMembers {
 public:
  explicit JsonMembers(std::string_view object);

  // False behind the last member.
  bool next();

  std::string_view name;  // in quotes
  std::string_view value;

 private:
  void skip_to_inside(std::size_t bytes);
  std::string_view take(std::size_t bytes);
  std::size_t string_length(std::size_t from = 0) const;
  std::size_t value_length() const;

  std::string_view rest_;
};

// The text of a JSON string; nothing when the value is something else or is not there.
std::optional<std::string> json_text(std::string_view value);

// A whole number from 0 to 2^64-1, written without fraction and exponent.
std::optional<std::uint64_t> json_number(std::string_view value);

}  // namespace interlock
