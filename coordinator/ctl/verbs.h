// Everything that the tool can be asked to do: one table, one file per group of verbs.
#pragma once

#include <vector>

#include "coordinator/ctl/verb.h"

namespace interlock {

Verb list_verb();
Verb get_verb();
Verb history_verb();
Verb watch_verb();
Verb store_export_verb();
Verb store_import_verb();
Verb lifecycle_verb();
Verb version_verb();
Verb help_verb();

// In the order of the help.
inline std::vector<Verb> all_verbs() {
  return {list_verb(),         get_verb(),          history_verb(),
          watch_verb(),        store_export_verb(), store_import_verb(),
          lifecycle_verb(),    version_verb(),      help_verb()};
}

}  // namespace interlock
