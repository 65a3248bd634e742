// Looks at the files of a RocksDB before RocksDB does, for damage that it would not report.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "rocksdb/env.h"

namespace interlock {

struct Inspection {
  // Opened, the database must have come at least this far; 0: it is new.
  std::uint64_t next_sequence = 0;
};

// The caller holds the database's lock, or another process may be writing what is read here.
absl::StatusOr<Inspection> inspect_files(rocksdb::Env& env, const std::string& directory);

// For a store that must not be opened as it is: what is wrong, and what to do.
absl::Status damage(const std::string& directory, const std::string& what);

}  // namespace interlock
