#include "coordinator/ctl/store_mover.h"

#include "coordinator/move/store_move.h"
#include "coordinator/store/open_store.h"

namespace interlock {
namespace {

StoreMover::Count count_of(const Moved& moved) { return {moved.records, moved.attachments}; }

template <class Stream>
absl::StatusOr<StoreMover::Count> move(const std::string& url, Stream& stream,
                                       const StoreMover::Progress& progress,
                                       absl::StatusOr<Moved> (*what)(Store&, Stream&,
                                                                     const MoveProgress&)) {
  if (url == "memory:") {
    return absl::InvalidArgumentError(
        "A store in memory ends with its coordinator: there is nothing "
        "to move.");
  }
  const absl::StatusOr<std::unique_ptr<Store>> store = open_store(url);
  if (!store.ok()) return store.status();
  const absl::StatusOr<Moved> moved =
      what(**store, stream, [&](const Moved& so_far) { progress(count_of(so_far)); });
  if (!moved.ok()) return moved.status();
  return count_of(*moved);
}

}  // namespace

absl::StatusOr<StoreMover::Count> StoreMover::export_to(const std::string& url, std::ostream& to,
                                                        const Progress& progress) {
  return move(url, to, progress, export_store);
}

absl::StatusOr<StoreMover::Count> StoreMover::import_from(const std::string& url,
                                                          std::istream& from,
                                                          const Progress& progress) {
  return move(url, from, progress, import_store);
}

}  // namespace interlock
