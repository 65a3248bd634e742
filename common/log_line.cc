#include "common/log_line.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <string>

#include "common/json_text.h"
#include "common/utf8.h"

namespace interlock {

void LogLine::add(std::string_view name, const LogField::Value& value) {
  if (has(name)) return;
  copy(names_.empty() ? "{\"" : ",\"", name, "\":");
  names_.push_back(name);
  lengths_ |= std::uint64_t{1} << name.size() % 64;
  std::visit([this](const auto& plain) { append(plain); }, value);
}

bool LogLine::has(std::string_view name) const {
  const std::uint64_t length = std::uint64_t{1} << name.size() % 64;
  return (lengths_ & length) != 0 && std::ranges::find(names_, name) != names_.end();
}

void LogLine::copy(std::string_view opening, std::string_view bytes, std::string_view closing) {
  const std::size_t before = out_.size();
  out_.resize(before + opening.size() + bytes.size() + closing.size());
  char* at = std::ranges::copy(opening, out_.data() + before).out;
  at = std::ranges::copy(bytes, at).out;
  std::ranges::copy(closing, at);
}

std::string_view LogLine::end() {
  out_.push_back('}');
  return {out_.data(), out_.size()};
}

void LogLine::append(std::string_view text) {
  if (text.size() <= log_text_bytes_max && plain_in_json(text)) {
    copy("\"", text, "\"");
    return;
  }
  std::string quoted;
  if (text.size() <= log_text_bytes_max) {
    append_json_text(quoted, text);
  } else {  // a character may have been cut in two
    append_json_text(quoted, replace_invalid_utf8(text.substr(0, log_text_bytes_max)) + "...");
  }
  copy(quoted);
}

void LogLine::append(double number) {
  if (!std::isfinite(number)) return append(fmt::format("{}", number));
  copy(boost::json::serialize(boost::json::value(number)));
}

void LogLine::append(bool yes) { copy(yes ? "true" : "false"); }

void LogLine::append(std::int64_t number) {
  const fmt::format_int digits(number);
  copy({digits.data(), digits.size()});
}

void LogLine::append(std::uint64_t number) {
  const fmt::format_int digits(number);
  copy({digits.data(), digits.size()});
}

}  // namespace interlock
