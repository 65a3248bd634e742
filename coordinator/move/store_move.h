// Moves everything from one store into a file, and from a file into another store.
//
// No coordinator may run meanwhile. A generation is a store's base plus the revision of a commit,
// and revisions are the store's own: the file spells generations out, and the store that takes them
// in gets a base above all of them, so that none is ever given twice.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/store/store.h"

namespace interlock {

struct Moved {
  std::uint64_t records = 0;
  std::uint64_t attachments = 0;
};
using MoveProgress = std::function<void(const Moved& so_far)>;  // now and then

// Reads twice, to see that nobody writes: FailedPrecondition when somebody does. Blocks.
absl::StatusOr<Moved> export_store(Store& store, std::ostream& to, const MoveProgress& progress);

// Into an empty store only (FailedPrecondition). The base is written last: a coordinator refuses to
// start over what an import that was broken off has left. Blocks.
absl::StatusOr<Moved> import_store(Store& store, std::istream& from, const MoveProgress& progress);

}  // namespace interlock
