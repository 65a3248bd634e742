// One line of the log while it is being written: a JSON object, member by member.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "common/log.h"

namespace interlock {

class LogLine {
 public:
  // The first member of a name stays; another one is left out. Names are the program's own, with
  // nothing in them that JSON would escape, and outlive the line.
  void add(std::string_view name, const LogField::Value& value);

  // The whole of it, as long as it lives; nothing is added behind it.
  std::string_view end();

 private:
  void append(std::string_view text);
  void append(double number);
  void append(bool yes);
  void append(std::int64_t number);
  void append(std::uint64_t number);
  void copy(std::string_view opening, std::string_view bytes, std::string_view closing);
  void copy(std::string_view bytes) { copy({}, bytes, {}); }
  bool has(std::string_view name) const;

  fmt::memory_buffer out_;
  absl::InlinedVector<std::string_view, 16> names_;
  std::uint64_t lengths_ = 0;  // of the names, modulo 64: most are told apart by it
};

}  // namespace interlock
