// Reads what is durable, beside the thread that commits.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/store.h"
#include "rocksdb/db.h"

namespace interlock {

absl::StatusOr<std::vector<std::vector<Attachment>>> read_attachments(
    rocksdb::DB& db, const std::vector<ReadRequest>& requests);

// Hands the chunks to `sink`, of one moment; the position is that moment's. Does not call `done`.
absl::StatusOr<Position> load_records(rocksdb::DB& db, const LoadSink& sink);

}  // namespace interlock
