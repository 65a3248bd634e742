// What stands behind the question mark of /ws.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "interlock/v1/connection.pb.h"
#include "interlock/v1/gateway.pb.h"

namespace interlock {

struct UpgradeQuery {
  std::optional<std::string> session;  // decoded, not checked
  std::optional<v1::Attempt> attempt;  // with gen or try
  std::optional<v1::ClientPosition> position;  // with last_seq
  bool show_states = false;
};

// `session`, `last_seq`, `seq_gen`, `gen`, `try` and `states` of the request's target; other
// parameters are left to later versions. `seq_gen`: the generation of the hello under which
// `last_seq` was counted, for a client that asks with another `gen` than that; left out, it is
// `gen`. INVALID_ARGUMENT is a sentence: a number that is none, bad
// percent-encoding, or a known parameter given twice, since each side might believe another one.
absl::StatusOr<UpgradeQuery> parse_upgrade_query(std::string_view target);

}  // namespace interlock
