// Which connections an operator asks about, as a short text.
//
// A subset of AIP-160 (https://google.aip.dev/160): restrictions joined by AND, OR and NOT, in
// parentheses where needed. As there, OR binds closer than AND, and restrictions that follow each
// other are joined by AND:
//
//   state = RECONNECTING AND age > 30s
//   subject = "alice" gateway != "" (state = IDLE OR state = DEGRADED)
//   key = "alice:*" AND NOT orphaned
//
// | field                                     | compared by       | with                        |
// |-------------------------------------------|-------------------|-----------------------------|
// | key, subject, gateway                     | = !=              | a text; `*` at its end: any |
// | state, reason (of the last transition)    | = !=              | a name, as in the .proto    |
// | age (since the last transition)           | = != < <= > >=    | a duration: 90s, 1h30m      |
// | unacknowledged (for how long what waits   | = != < <= > >=    | a duration                  |
// |   has waited for any acknowledgement)     |                   |                             |
// | outbox_events, outbox_bytes, open_runs,   | = != < <= > >=    | a whole number              |
// | generation, transitions                   |                   |                             |
//
// and, by themselves, the flags live, setup, operational, waiting, final, orphaned, attached.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/engine/engine_types.h"

namespace interlock {

class ConnectionFilter {
 public:
  static constexpr std::size_t kBytesMax = 1'024;
  static constexpr std::size_t kTermsMax = 64;
  static constexpr std::size_t kDepthMax = 16;

  // InvalidArgument with what is wrong, where, and what could stand there. An empty text matches
  // every connection.
  static absl::StatusOr<ConnectionFilter> parse(std::string_view text);

  // `now_unix_ms`: for ages.
  bool matches(const SeenConnection& connection, std::int64_t now_unix_ms) const;

  bool matches_all() const { return nodes_.empty(); }
  // All keys that match begin with this.
  std::string key_prefix() const;
  // All that match have this gateway as owner; nothing: not known.
  std::optional<std::string> gateway() const;

 private:
  enum class Field : std::uint8_t {
    kKey, kSubject, kGateway, kState, kReason, kAge, kUnacknowledged, kOutboxEvents, kOutboxBytes,
    kOpenRuns, kGeneration, kTransitions, kLive, kSetup, kOperational, kWaiting, kFinal, kOrphaned,
    kAttached,
  };
  enum class Comparison : std::uint8_t { kIs, kIsNot, kBelow, kAtMost, kAbove, kAtLeast };
  struct Restriction {
    Field field = Field::kKey;
    Comparison comparison = Comparison::kIs;
    std::string text;
    bool prefix = false;       // `text` is how it begins
    std::int64_t number = 0;   // of a state or reason; ms; or a count
  };
  enum class Joint : std::uint8_t { kAnd, kOr, kNot };
  struct Junction {
    Joint joint = Joint::kAnd;
    std::vector<std::uint32_t> members;  // places in nodes_
  };
  using Node = std::variant<Restriction, Junction>;
  class Parser;
  struct Vocabulary;

  bool holds(std::uint32_t node, const SeenConnection& connection, std::int64_t now) const;
  static bool holds(const Restriction& restriction, const SeenConnection& connection,
                    std::int64_t now);
  // Restrictions that must all hold.
  std::vector<const Restriction*> required() const;

  std::vector<Node> nodes_;  // members stand before what joins them; the last one is the whole
};

}  // namespace interlock
