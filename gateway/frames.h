// The JSON that a client and its gateway say to each other.
//
// Pure: text frames of the subprotocol interlock.v1, one JSON object each. What a backend has made
// into JSON already is passed on byte for byte; numbers keep their digits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "interlock/v1/connection.pb.h"
#include "interlock/v1/events.pb.h"

namespace interlock {

inline constexpr std::size_t message_id_bytes_max = 128;
inline constexpr std::size_t json_depth_max = 32;  // of a client's frame, itself included

// ---- from the server ----

struct HelloFrame {
  std::string_view key;
  std::string_view session;
  std::uint64_t generation = 0;
  bool resumed = false;          // the sequence goes on behind the client's last_seq
  std::uint64_t next_seq = 1;    // the first that this socket will deliver
  std::uint64_t heartbeat_ms = 0;
};
std::string hello_frame(const HelloFrame& hello);

// An expired event says only its sequence. The payload is JSON, which the coordinator has checked.
std::string event_frame(const v1::Event& event);

// One that follows sequence `after`, is not kept and has no number. `data` must be JSON.
std::string transient_frame(std::uint64_t after, std::string_view event, std::string_view data);

// The barrier: replay is over, live begins.
std::string ready_frame(v1::State state, std::uint64_t replayed);

// Continuity cannot be given; the connection goes on at `next_seq`.
std::string lost_frame(std::string_view reason, std::uint64_t next_seq);

std::string ack_frame(std::string_view message_id);

// What could be done about a client's message; `code` is one of these or becomes INTERNAL:
// UNAVAILABLE, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, PERMISSION_DENIED, NOT_FOUND.
struct ErrorFrame {
  std::string_view message_id;  // empty: not about a message
  std::string_view code;
  std::string_view message;
  bool retryable = false;
};
std::string error_frame(const ErrorFrame& error);

std::string reconnect_frame(std::string_view reason, std::uint64_t after_ms);
std::string state_frame(v1::State state);
std::string pong_frame();

// ---- from the client ----

struct ClientMessage {
  std::string id;    // 1 to 128 bytes
  std::string data;  // one JSON value, as the client wrote it
};
struct ClientAck {
  std::uint64_t sequence = 0;  // cumulative
};
struct ClientPing {};
// What is wrong with the frame, as a sentence that repeats nothing of it.
struct FrameFault {
  std::string_view sentence;
};
using ClientFrame = std::variant<ClientMessage, ClientAck, ClientPing, FrameFault>;

// Members that it does not know are ignored.
ClientFrame parse_client_frame(std::string_view text);

}  // namespace interlock
