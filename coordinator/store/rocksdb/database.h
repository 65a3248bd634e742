// Opens the RocksDB of a store, or says in a sentence why it must not be opened.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/store/rocksdb/fatal_gate.h"
#include "coordinator/store/rocksdb/number_set.h"
#include "coordinator/store/rocksdb/revisions.h"
#include "coordinator/store/rocksdb_store.h"
#include "coordinator/store/store.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/status.h"

namespace interlock {

// What the store knows of its records without reading them. Nobody else writes, so it is what
// stands.
struct Index {
  Revisions revisions;
  absl::flat_hash_map<std::string, NumberSet> attachments;  // of the records that have some
};

struct Database {
  std::unique_ptr<rocksdb::Env> own_env;  // when the file system is a test's
  std::shared_ptr<FatalGate> gate;
  std::unique_ptr<rocksdb::DB> db;
  Index index;
  Revision last_revision = kAbsent;
};

// Reads everything once: that is how the index is made, and no record or attachment turns out to be
// damaged only when somebody asks for it.
// Before it returns it has made one durable write, so that nothing is believed that a machine's
// cache holds and its disk does not.
absl::StatusOr<Database> open_database(const std::string& directory, const RocksdbOptions& options);

// As a sentence; `directory` names the store in it.
absl::Status explain(const rocksdb::Status& status, const std::string& directory);

}  // namespace interlock
