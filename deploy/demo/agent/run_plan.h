// What the agent says in a run: five events that arrive for sure, and tokens that may not.
//
// The "agent" counts the words of a message with a "tool". Everything here follows from the message
// alone, so that a run that is played a second time says the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace interlock {

inline constexpr std::uint32_t run_events = 5;
inline constexpr std::uint32_t run_event_thinking = 2;  // tokens follow this one

// The run that the message starts; the same for every copy of it, also after a restart.
std::string run_name(std::string_view key, std::string_view message_id);

// The text of a message: the member "text" of an object, a string itself, or the JSON as it stands;
// cut behind 200 characters. Nothing when `data` is not one JSON value.
std::optional<std::string> message_text(std::string_view data);

struct AgentEvent {
  std::string type;
  std::string payload;  // one JSON value

  friend bool operator==(const AgentEvent&, const AgentEvent&) = default;
};

// `number` is 1 to run_events.
AgentEvent agent_event(std::uint32_t number, std::string_view message_id, std::string_view text);

// The `index`-th transient token (from 0) of the thinking that follows run_event_thinking.
AgentEvent agent_token(std::uint32_t index);

}  // namespace interlock
