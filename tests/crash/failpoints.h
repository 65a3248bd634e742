// Every place at which the process can be killed. They are in the wrappers of the file system and
// of the store, and around the answers; the program itself knows nothing of them.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace interlock {

enum class Comes {
  kAlways,
  kAtBirth,          // to a store that is being made
  kAfterAnAccident,  // to one in which a file was left under its temporary name
};

struct Failpoint {
  std::string_view name;
  Comes comes = Comes::kAlways;
};

inline constexpr std::array kFailpoints = {
    // The write-ahead log: a commit is an append and a sync.
    Failpoint{"log.create.before"}, Failpoint{"log.create.after"},
    Failpoint{"log.append.before"}, Failpoint{"log.append.within"}, Failpoint{"log.append.after"},
    Failpoint{"log.sync.before"}, Failpoint{"log.sync.after"},
    Failpoint{"log.remove.before"}, Failpoint{"log.remove.after"},
    // Tables: of flushes, of compactions, and of recovery.
    Failpoint{"table.create.before"}, Failpoint{"table.create.after"},
    Failpoint{"table.append.before"}, Failpoint{"table.append.within"},
    Failpoint{"table.append.after"},
    Failpoint{"table.sync.before"}, Failpoint{"table.sync.after"},
    Failpoint{"table.remove.before"}, Failpoint{"table.remove.after"},
    // The manifest says which tables and logs count.
    Failpoint{"manifest.create.before"}, Failpoint{"manifest.create.after"},
    Failpoint{"manifest.append.before"}, Failpoint{"manifest.append.within"},
    Failpoint{"manifest.append.after"},
    Failpoint{"manifest.sync.before"}, Failpoint{"manifest.sync.after"},
    Failpoint{"manifest.remove.before"}, Failpoint{"manifest.remove.after"},
    // CURRENT says which manifest counts; it is written under another name, and renamed.
    Failpoint{"current.create.before"}, Failpoint{"current.create.after"},
    Failpoint{"current.append.before"}, Failpoint{"current.append.within"},
    Failpoint{"current.append.after"},
    Failpoint{"current.sync.before"}, Failpoint{"current.sync.after"},
    Failpoint{"current.rename.before"}, Failpoint{"current.rename.after"},
    Failpoint{"options.create.before"}, Failpoint{"options.create.after"},
    Failpoint{"options.append.before"}, Failpoint{"options.append.within"},
    Failpoint{"options.append.after"},
    Failpoint{"options.sync.before"}, Failpoint{"options.sync.after"},
    Failpoint{"options.rename.before"}, Failpoint{"options.rename.after"},
    Failpoint{"options.remove.before"}, Failpoint{"options.remove.after"},
    Failpoint{"leftover.remove.before", Comes::kAfterAnAccident},
    Failpoint{"leftover.remove.after", Comes::kAfterAnAccident},
    Failpoint{"identity.create.before"}, Failpoint{"identity.create.after"},
    Failpoint{"identity.append.before"}, Failpoint{"identity.append.within"},
    Failpoint{"identity.append.after"},
    Failpoint{"identity.sync.before"}, Failpoint{"identity.sync.after"},
    Failpoint{"identity.rename.before"}, Failpoint{"identity.rename.after"},
    Failpoint{"identity.remove.before"}, Failpoint{"identity.remove.after"},
    Failpoint{"directory.create.before", Comes::kAtBirth},
    Failpoint{"directory.create.after", Comes::kAtBirth},
    Failpoint{"directory.sync.before"}, Failpoint{"directory.sync.after"},
    // What the engine hands to the store, and hears from it.
    Failpoint{"store.open.before"}, Failpoint{"store.open.after"},
    Failpoint{"store.load.done"},
    Failpoint{"store.commit.before"}, Failpoint{"store.commit.after"},
    Failpoint{"store.outcome.before"}, Failpoint{"store.outcome.after"},
    Failpoint{"store.outcome.told"},
    Failpoint{"store.feed.before"}, Failpoint{"store.feed.after"},
    // An answer leaves the engine: before and after somebody has it.
    Failpoint{"answer.before"}, Failpoint{"answer.after"},
};

// Where an answer is at stake; the others are where the store keeps house.
inline bool is_around_a_commit(std::string_view name) {
  return name.starts_with("log.append") || name.starts_with("log.sync") ||
         name.starts_with("store.commit") || name.starts_with("store.outcome") ||
         name.starts_with("answer");
}

inline bool is_failpoint(std::string_view name) {
  return std::any_of(kFailpoints.begin(), kFailpoints.end(),
                     [&](const Failpoint& each) { return each.name == name; });
}

}  // namespace interlock
