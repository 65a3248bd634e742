#include "gateway/upgrade_query.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace interlock {
namespace {

using Text = std::optional<std::string>;

// The known parameters, decoded.
struct Texts {
  Text session, last_seq, seq_gen, gen, tries, states;
};

std::optional<int> hex_digit(char c) {
  if ('0' <= c && c <= '9') return c - '0';
  if ('a' <= c && c <= 'f') return c - 'a' + 10;
  if ('A' <= c && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

Text percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

absl::StatusOr<Texts> read_texts(std::string_view query) {
  Texts texts;
  const std::array<std::pair<std::string_view, Text*>, 6> known{{{"session", &texts.session},
                                                                 {"last_seq", &texts.last_seq},
                                                                 {"seq_gen", &texts.seq_gen},
                                                                 {"gen", &texts.gen},
                                                                 {"try", &texts.tries},
                                                                 {"states", &texts.states}}};
  while (!query.empty()) {
    const auto ampersand = query.find('&');
    const std::string_view parameter = query.substr(0, ampersand);
    query = ampersand == std::string_view::npos ? "" : query.substr(ampersand + 1);
    const auto equals = parameter.find('=');
    const Text name = percent_decode(parameter.substr(0, equals));
    const auto place = std::ranges::find_if(known, [&](const auto& k) { return name == k.first; });
    if (place == known.end()) continue;
    if (place->second->has_value()) {
      return absl::InvalidArgumentError(std::string(place->first) + " is given twice.");
    }
    *place->second =
        percent_decode(equals == std::string_view::npos ? "" : parameter.substr(equals + 1));
    if (!place->second->has_value()) {
      return absl::InvalidArgumentError(std::string(place->first) + " is badly percent-encoded.");
    }
  }
  return texts;
}

// Digits and nothing else, up to 2^64 - 1; 0 when the parameter is not there.
absl::Status read_number(const char* name, const Text& text, std::uint64_t& number) {
  number = 0;
  if (!text) return absl::OkStatus();
  const char* const last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, number);
  if (error == std::errc() && end == last) return absl::OkStatus();
  return absl::InvalidArgumentError(std::string(name) + " is not a number from 0 to 2^64 - 1.");
}

}  // namespace

absl::StatusOr<UpgradeQuery> parse_upgrade_query(std::string_view target) {
  const auto mark = target.find('?');
  auto texts = read_texts(mark == std::string_view::npos ? "" : target.substr(mark + 1));
  if (!texts.ok()) return texts.status();
  std::uint64_t last_seq = 0;
  std::uint64_t seq_generation = 0;
  std::uint64_t generation = 0;
  std::uint64_t tries = 0;
  absl::Status numbers = read_number("last_seq", texts->last_seq, last_seq);
  numbers.Update(read_number("seq_gen", texts->seq_gen, seq_generation));
  numbers.Update(read_number("gen", texts->gen, generation));
  numbers.Update(read_number("try", texts->tries, tries));
  if (!numbers.ok()) return numbers;
  if (texts->states && *texts->states != "0" && *texts->states != "1") {
    return absl::InvalidArgumentError("states is 0 or 1.");
  }

  UpgradeQuery query;
  query.session = std::move(texts->session);
  if (texts->gen || texts->tries) {
    query.attempt.emplace();
    query.attempt->set_generation(generation);
    query.attempt->set_tries(tries);
  }
  if (texts->last_seq) {
    query.position.emplace();
    query.position->set_last_seq(last_seq);
    query.position->set_generation(texts->seq_gen ? seq_generation : generation);
  }
  query.show_states = texts->states == "1";
  return query;
}

}  // namespace interlock
