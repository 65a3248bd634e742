// Everything that the tool can be asked to do: one table, one file per group of verbs.
#pragma once

#include <string_view>
#include <vector>

#include "coordinator/ctl/verb.h"

namespace interlock {

Verb list_verb();
Verb get_verb();
Verb history_verb();
Verb watch_verb();
Verb explain_verb();
Verb kick_verb();
Verb release_verb();
Verb gateways_verb();
Verb gateway_drain_verb();
Verb stats_verb();
Verb top_verb();
Verb publish_verb();
Verb delivery_verb();
Verb outbox_verb();
Verb test_verb();
Verb completion_verb();
Verb console_verb();
Verb store_export_verb();
Verb store_import_verb();
Verb lifecycle_verb();
Verb version_verb();
Verb help_verb();

// What a --filter may say, for the help of those verbs that take one.
inline constexpr std::string_view filter_help =
    "A filter joins restrictions by AND, OR (which binds closer) and NOT: key, subject and gateway "
    "(= != with a text, `*` at its end for any), state and reason (= != with a name), age (90s, "
    "5m), unacknowledged (a duration too), outbox_events, outbox_bytes, open_runs, generation and "
    "transitions (= != < <= > >=), and the flags live, setup, operational, waiting, "
    "final, orphaned, attached.";

// In the order of the help.
inline std::vector<Verb> all_verbs() {
  return {list_verb(),         get_verb(),          explain_verb(),   history_verb(),
          outbox_verb(),       watch_verb(),        top_verb(),       stats_verb(),
          gateways_verb(),     kick_verb(),         release_verb(),   gateway_drain_verb(),
          publish_verb(),      delivery_verb(),     test_verb(),      console_verb(),
          store_export_verb(),
          store_import_verb(), lifecycle_verb(),    completion_verb(), version_verb(),
          help_verb()};
}

}  // namespace interlock
