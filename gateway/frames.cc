// What the server says. How the client is read stands in frames_parse.cc.
#include "gateway/frames.h"

#include <algorithm>
#include <array>

#include "common/json_text.h"

namespace interlock {
namespace {

// A frame while it is being written, member by member.
class Writer {
 public:
  explicit Writer(std::string_view type, std::size_t payload_bytes = 0) {
    out_.reserve(payload_bytes + 160);
    out_.append("{\"type\":\"").append(type).append("\"");
  }

  Writer& text(std::string_view name, std::string_view value) {
    append_json_text(member(name), value);
    return *this;
  }
  Writer& number(std::string_view name, std::uint64_t value) {
    return json(name, std::to_string(value));
  }
  Writer& flag(std::string_view name, bool value) { return json(name, value ? "true" : "false"); }
  Writer& json(std::string_view name, std::string_view value) {
    member(name).append(value);
    return *this;
  }
  std::string end() { return std::move(out_.append("}")); }

 private:
  std::string& member(std::string_view name) {
    return out_.append(",\"").append(name).append("\":");
  }

  std::string out_;
};

std::string_view or_null(std::string_view json) { return json.empty() ? "null" : json; }

constexpr std::array<std::string_view, 5> error_codes{
    "UNAVAILABLE", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED", "NOT_FOUND"};

std::string_view known_error_code(std::string_view code) {
  return std::ranges::find(error_codes, code) == error_codes.end() ? "INTERNAL" : code;
}

}  // namespace

std::string hello_frame(const HelloFrame& hello) {
  return Writer("hello")
      .text("key", hello.key)
      .text("session", hello.session)
      .number("generation", hello.generation)
      .flag("resumed", hello.resumed)
      .number("next_seq", hello.next_seq)
      .number("heartbeat_ms", hello.heartbeat_ms)
      .end();
}

std::string event_frame(const v1::Event& event) {
  if (event.expired()) return Writer("expired").number("seq", event.sequence()).end();
  Writer writer("event", event.payload().size());
  writer.number("seq", event.sequence()).text("event", event.type());
  if (!event.run().empty()) writer.text("run", event.run());
  if (!event.id().empty()) writer.text("id", event.id());
  return writer.json("data", or_null(event.payload())).end();
}

std::string transient_frame(std::uint64_t after, std::string_view event, std::string_view data) {
  return Writer("event", data.size())
      .number("after", after)
      .text("event", event)
      .json("data", or_null(data))
      .end();
}

std::string ready_frame(v1::State state, std::uint64_t replayed) {
  return Writer("ready").text("state", v1::State_Name(state)).number("replayed", replayed).end();
}

std::string lost_frame(std::string_view reason, std::uint64_t next_seq) {
  return Writer("lost").text("reason", reason).number("next_seq", next_seq).end();
}

std::string ack_frame(std::string_view message_id) {
  return Writer("ack").text("id", message_id).end();
}

std::string error_frame(const ErrorFrame& error) {
  Writer writer("error");
  if (!error.message_id.empty()) writer.text("id", error.message_id);
  return writer.text("code", known_error_code(error.code))
      .text("message", error.message)
      .flag("retryable", error.retryable)
      .end();
}

std::string reconnect_frame(std::string_view reason, std::uint64_t after_ms) {
  return Writer("reconnect").text("reason", reason).number("after_ms", after_ms).end();
}

std::string state_frame(v1::State state) {
  return Writer("state").text("state", v1::State_Name(state)).end();
}

std::string pong_frame() { return Writer("pong").end(); }

}  // namespace interlock
