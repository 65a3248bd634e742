#include "deploy/demo/agent/run_plan.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>
#include <boost/json.hpp>
#include <cassert>
#include <cstddef>

namespace interlock {
namespace {

namespace json = boost::json;

constexpr std::size_t text_characters_max = 200;
constexpr std::size_t run_name_bytes = 8;  // of the digest; names need to differ within a key only

constexpr std::array<std::string_view, 10> thoughts{
    "Counting ", "the ", "words. ", "That ", "is ", "a ", "job ", "for ", "a ", "tool. "};

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

std::size_t count_characters(std::string_view text) {
  std::size_t characters = 0;
  for (const char byte : text) characters += continues_character(byte) ? 0 : 1;
  return characters;
}

std::size_t count_words(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  std::size_t words = 0;
  for (std::size_t at = text.find_first_not_of(blanks); at != std::string_view::npos;
       at = text.find_first_not_of(blanks, at)) {
    ++words;
    at = text.find_first_of(blanks, at);
    if (at == std::string_view::npos) break;
  }
  return words;
}

// Never in the middle of a character.
std::string cut(std::string_view text) {
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (continues_character(text[at])) continue;
    if (characters == text_characters_max) return fmt::format("{}…", text.substr(0, at));
    ++characters;
  }
  return std::string(text);
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string answer(std::string_view text) {
  return fmt::format("Your message has {} and {}.", counted(count_words(text), "word"),
                     counted(count_characters(text), "character"));
}

json::object tool_result(std::string_view text) {
  return {{"words", count_words(text)}, {"characters", count_characters(text)}};
}

AgentEvent make_event(std::string_view type, const json::object& payload) {
  return {std::string(type), json::serialize(payload)};
}

json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

std::string run_name(std::string_view key, std::string_view message_id) {
  std::string named(key);
  named += '\n';  // in no key
  named += message_id;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(named.data()), named.size(), digest.data());
  std::string name = "run-";
  for (std::size_t i = 0; i < run_name_bytes; ++i) name += fmt::format("{:02x}", digest[i]);
  return name;
}

std::optional<std::string> message_text(std::string_view data) {
  json::error_code error;
  const json::value value = json::parse(view(data), error);
  if (error) return std::nullopt;
  const json::value* text = &value;
  if (const json::object* object = value.if_object()) {
    if (const json::value* member = object->if_contains("text")) text = member;
  }
  if (const json::string* string = text->if_string()) {
    return cut(std::string_view(string->data(), string->size()));
  }
  return cut(json::serialize(*text));
}

AgentEvent agent_event(std::uint32_t number, std::string_view message_id, std::string_view text) {
  assert(1 <= number && number <= run_events);
  switch (number) {
    case 1:
      return make_event("agent_started", {{"agent", "demo"}, {"message_id", view(message_id)}});
    case 2:
      return make_event("agent_thinking", {{"thought", "How many words are that?"}});
    case 3:
      return make_event("tool_executing",
                        {{"tool", "count_words"}, {"arguments", {{"text", view(text)}}}});
    case 4:
      return make_event("tool_completed", {{"tool", "count_words"}, {"result", tool_result(text)}});
    default:
      return make_event("agent_completed", {{"answer", answer(text)}});
  }
}

AgentEvent agent_token(std::uint32_t index) {
  return make_event("token", {{"text", view(thoughts[index % thoughts.size()])}});
}

}  // namespace interlock
