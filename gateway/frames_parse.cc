// What the client says: checked as JSON once, then cut into its members, so that `data` reaches the
// backend as the client wrote it and no tree of values is built.
#include <boost/json/parse.hpp>
#include <charconv>
#include <optional>

#include "common/json_check.h"
#include "gateway/frames.h"

namespace interlock {
namespace {

namespace json = boost::json;

constexpr std::string_view whitespace = " \t\r\n";

// Walks over the members of one object. The text is known to be well-formed JSON.
class Members {
 public:
  explicit Members(std::string_view object) : rest_(object) { skip_to_inside(1); }

  // False behind the last member.
  bool next() {
    if (rest_.front() == ',') skip_to_inside(1);
    if (rest_.front() == '}') return false;
    name = take(string_length());
    skip_to_inside(rest_.find(':') + 1);
    value = take(value_length());
    return true;
  }

  std::string_view name;  // in quotes
  std::string_view value;

 private:
  void skip_to_inside(std::size_t bytes) {
    rest_.remove_prefix(bytes);
    rest_.remove_prefix(rest_.find_first_not_of(whitespace));
  }
  std::string_view take(std::size_t bytes) {
    const std::string_view taken = rest_.substr(0, bytes);
    skip_to_inside(bytes);
    return taken;
  }
  std::size_t string_length(std::size_t from = 0) const {
    std::size_t at = from + 1;
    while (rest_[at] != '"') at += rest_[at] == '\\' ? 2 : 1;
    return at + 1 - from;
  }
  std::size_t value_length() const {
    if (rest_.front() == '"') return string_length();
    if (rest_.front() != '{' && rest_.front() != '[') return rest_.find_first_of(",} \t\r\n");
    std::size_t depth = 0;
    std::size_t at = 0;
    do {
      const char c = rest_[at];
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      at += c == '"' ? string_length(at) : 1;
    } while (depth > 0);
    return at;
  }

  std::string_view rest_;
};

// The text of a JSON string; nothing when the value is something else or is not there.
std::optional<std::string> text_of(std::string_view value) {
  if (value.empty() || value.front() != '"') return std::nullopt;
  if (value.find('\\') == std::string_view::npos) {
    return std::string(value.substr(1, value.size() - 2));
  }
  const json::value parsed = json::parse(json::string_view(value.data(), value.size()));
  const json::string& text = parsed.as_string();
  return std::string(text.data(), text.size());
}

std::optional<std::uint64_t> number_of(std::string_view value) {
  std::uint64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [stopped, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

// The members that a client's frame may have, as they stand; empty: not there.
struct Fields {
  std::string_view type;
  std::string_view id;
  std::string_view data;
  std::string_view seq;

  std::string_view* find(std::string_view name) {
    if (name == "type") return &type;
    if (name == "id") return &id;
    if (name == "data") return &data;
    if (name == "seq") return &seq;
    return nullptr;
  }
};

ClientFrame message_of(const Fields& fields) {
  auto id = text_of(fields.id);
  if (!id || id->empty() || id->size() > message_id_bytes_max) {
    return FrameFault{"A message needs an id, a string of 1 to 128 bytes."};
  }
  if (fields.data.empty()) return FrameFault{"A message needs data."};
  return ClientMessage{std::move(*id), std::string(fields.data)};
}

ClientFrame ack_of(const Fields& fields) {
  const auto sequence = number_of(fields.seq);
  if (!sequence) return FrameFault{"An ack needs a seq, a whole number."};
  return ClientAck{*sequence};
}

}  // namespace

ClientFrame parse_client_frame(std::string_view text) {
  const json::error_code error = check_json(text, json_depth_max);
  if (error == json::error::too_deep) return FrameFault{"The frame is nested deeper than 32."};
  if (error.failed()) return FrameFault{"The frame is not JSON."};
  text.remove_prefix(text.find_first_not_of(whitespace));
  if (text.front() != '{') return FrameFault{"The frame is not a JSON object."};

  Fields fields;
  for (Members members(text); members.next();) {
    std::string_view* field = fields.find(*text_of(members.name));
    if (field == nullptr) continue;
    // Whoever reads it next might believe the other one.
    if (!field->empty()) return FrameFault{"The frame has a member twice."};
    *field = members.value;
  }
  const auto type = text_of(fields.type);
  if (type == "message") return message_of(fields);
  if (type == "ack") return ack_of(fields);
  if (type == "ping") return ClientPing{};
  return FrameFault{"The frame's type is not message, ack or ping."};
}

}  // namespace interlock
