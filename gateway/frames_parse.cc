// What the client says: checked as JSON once, then cut into its members, so that `data` reaches the
// backend as the client wrote it and no tree of values is built.
#include <optional>

#include "common/json_check.h"
#include "gateway/frames.h"
#include "gateway/json_members.h"

namespace interlock {
namespace {

namespace json = boost::json;

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
  auto id = json_text(fields.id);
  if (!id || id->empty() || id->size() > message_id_bytes_max) {
    return FrameFault{"A message needs an id, a string of 1 to 128 bytes."};
  }
  if (fields.data.empty()) return FrameFault{"A message needs data."};
  return ClientMessage{std::move(*id), std::string(fields.data)};
}

ClientFrame ack_of(const Fields& fields) {
  const auto sequence = json_number(fields.seq);
  if (!sequence) return FrameFault{"An ack needs a seq, a whole number."};
  return ClientAck{*sequence};
}

}  // namespace

ClientFrame parse_client_frame(std::string_view text) {
  const json::error_code error = check_json(text, json_depth_max);
  if (error == json::error::too_deep) return FrameFault{"The frame is nested deeper than 32."};
  if (error.failed()) return FrameFault{"The frame is not JSON."};
  if (!is_json_object(text)) return FrameFault{"The frame is not a JSON object."};

  Fields fields;
  for (JsonMembers members(text); members.next();) {
    std::string_view* field = fields.find(*json_text(members.name));
    if (field == nullptr) continue;
    // Whoever reads it next might believe the other one.
    if (!field->empty()) return FrameFault{"The frame has a member twice."};
    *field = members.value;
  }
  const auto type = json_text(fields.type);
  if (type == "message") return message_of(fields);
  if (type == "ack") return ack_of(fields);
  if (type == "ping") return ClientPing{};
  return FrameFault{"The frame's type is not message, ack or ping."};
}

}  // namespace interlock
