#include "coordinator/store/rocksdb/database.h"

#include <utility>
#include <vector>

#include "coordinator/store/rocksdb/inspection.h"
#include "coordinator/store/rocksdb/layout.h"
#include "fmt/core.h"
#include "rocksdb/cache.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/table.h"
#include "rocksdb/write_batch.h"

namespace interlock {
namespace {

rocksdb::Options rocksdb_options(rocksdb::Env* env, const RocksdbOptions& ours,
                                 const std::shared_ptr<FatalGate>& gate) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(32 * 1024 * 1024);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));

  rocksdb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.write_buffer_size = ours.write_buffer_bytes;
  options.max_write_buffer_number = 3;
  // A commit's keys come in order: each is looked for from where the last of its kind has gone.
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  options.max_background_jobs = 2;
  options.max_open_files = 256;
  options.listeners = {gate};
  // Cuts off a torn tail and refuses other damage; the default would stop quietly before it.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.paranoid_checks = true;
  // Of whole tables: not all that is in one is under the checksum of a block.
  options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  options.max_bgerror_resume_count = 0;  // a failed write ends the process instead
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1024 * 1024;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

// The directory's own name must be durable too, before anything in it is promised; also when it is
// there already: the process that made it may have been killed before it could see to that. Where
// the folder above may not be opened somebody else has made it.
absl::Status make_directory(rocksdb::Env& env, const std::string& directory) {
  const bool is_there = env.FileExists(directory).ok();
  if (!is_there) {
    const rocksdb::Status s = env.CreateDirIfMissing(directory);
    if (!s.ok()) return explain(s, directory);
  }
  const std::size_t slash = directory.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : directory.substr(0, slash);
  std::unique_ptr<rocksdb::Directory> opened;
  if (rocksdb::Status s = env.NewDirectory(parent, &opened); !s.ok()) {
    return is_there ? absl::OkStatus() : explain(s, directory);
  }
  return explain(opened->Fsync(), directory);
}

// RocksDB takes the same lock for as long as the database is open, but it must be held before
// anything is inspected.
absl::StatusOr<Inspection> inspect_under_lock(rocksdb::Env& env, const std::string& directory) {
  const std::string name = directory + "/LOCK";
  rocksdb::FileLock* lock = nullptr;
  if (const rocksdb::Status s = env.LockFile(name, &lock); !s.ok()) {
    const std::string why = s.ToString();
    if (why.find("Permission denied") != std::string::npos) return explain(s, directory);
    return absl::UnavailableError(
        fmt::format("The store in {0} is held by another process ({1}). One coordinator at a time "
                    "can use it: stop the other one (`fuser {2}` names it), or choose another "
                    "directory.",
                    directory, why, name));
  }
  absl::StatusOr<Inspection> inspection = inspect_files(env, directory);
  env.UnlockFile(lock);
  return inspection;
}

absl::Status check_format(rocksdb::DB& db, const std::string& directory) {
  std::string bytes;
  const rocksdb::Status s = db.Get({}, kFormatKey, &bytes);
  if (s.IsNotFound()) {
    std::unique_ptr<rocksdb::Iterator> any(db.NewIterator({}));
    any->SeekToFirst();
    if (!any->status().ok()) return explain(any->status(), directory);
    if (!any->Valid()) return absl::OkStatus();  // new, or cut off while it was being made
    return absl::FailedPreconditionError(fmt::format(
        "The RocksDB in {} is not a store of Interlock's: choose another directory.", directory));
  }
  if (!s.ok()) return explain(s, directory);
  const std::optional<std::uint64_t> format = decode_number(bytes);
  if (!format) return damage(directory, "its format version cannot be read");
  if (*format > kRocksdbFormat) {
    return absl::FailedPreconditionError(
        fmt::format("The store in {} was written by a newer version (format {}, this one knows {}):"
                    " start that version, or choose another directory.",
                    directory, *format, kRocksdbFormat));
  }
  return absl::OkStatus();
}

absl::Status index_entry(Database& database, const std::string& directory, std::string_view key,
                         std::string_view value) {
  Index& index = database.index;
  if (key.starts_with(kAttachmentPrefix)) {
    const auto name = parse_attachment_key(key);
    if (!name) return damage(directory, "an attachment has no number");
    index.attachments[std::string(name->key)].add(name->number);
    return absl::OkStatus();
  }
  if (key.starts_with(kRecordPrefix)) {
    const auto revision = decode_revision(value);
    if (!revision || *revision == kAbsent || *revision > database.last_revision) {
      return damage(directory, "a record has no revision that was ever given");
    }
    index.revisions.put(key.substr(1), kAbsent, *revision);
    return absl::OkStatus();
  }
  if (key == kFormatKey || key == kRevisionKey) return absl::OkStatus();
  return damage(directory, "it holds something of no known kind");
}

absl::Status check_attachments_have_records(const Database& database,
                                            const std::string& directory) {
  std::string bytes;
  for (const auto& [key, numbers] : database.index.attachments) {
    const rocksdb::Status s = database.db->Get({}, record_key(key), &bytes);
    if (s.IsNotFound()) {
      return damage(directory, fmt::format("'{}' has attachments but no record", key));
    }
    if (!s.ok()) return explain(s, directory);
  }
  return absl::OkStatus();
}

absl::Status read_everything(Database& database, const std::string& directory) {
  std::string bytes;
  rocksdb::Status s = database.db->Get({}, kRevisionKey, &bytes);
  if (!s.ok() && !s.IsNotFound()) return explain(s, directory);
  if (s.ok()) {
    const std::optional<std::uint64_t> last = decode_number(bytes);
    if (!last) return damage(directory, "its last revision cannot be read");
    database.last_revision = *last;
  }
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = 2 * 1024 * 1024;
  std::unique_ptr<rocksdb::Iterator> each(database.db->NewIterator(options));
  for (each->SeekToFirst(); each->Valid(); each->Next()) {
    absl::Status indexed = index_entry(database, directory, each->key().ToStringView(),
                                       each->value().ToStringView());
    if (!indexed.ok()) return indexed;
  }
  if (!each->status().ok()) return explain(each->status(), directory);
  if (s = database.db->VerifyFileChecksums(options); !s.ok()) return explain(s, directory);
  return check_attachments_have_records(database, directory);
}

// RocksDB writes down its options and a name for the database each time that it lacks them, and
// nothing ever reads them. What is not kept cannot be damaged without anybody's noticing.
absl::Status remove_unread_files(rocksdb::Env& env, const std::string& directory) {
  std::vector<std::string> names;
  if (const rocksdb::Status s = env.GetChildren(directory, &names); !s.ok()) {
    return explain(s, directory);
  }
  for (const std::string& name : names) {
    const bool unread =
        name == "IDENTITY" || name.starts_with("OPTIONS-") || name.ends_with(".dbtmp");
    if (!unread) continue;
    const rocksdb::Status s = env.DeleteFile(directory + "/" + name);
    if (!s.ok() && !s.IsNotFound() && !s.IsPathNotFound()) return explain(s, directory);
  }
  return absl::OkStatus();
}

absl::Status write_durably(Database& database, const std::string& directory, bool sync) {
  rocksdb::WriteBatch batch;
  batch.Put(kFormatKey, encode_number(kRocksdbFormat));
  batch.Put(kRevisionKey, encode_number(database.last_revision));
  rocksdb::WriteOptions options;
  options.sync = sync;
  return explain(database.db->Write(options, &batch), directory);
}

}  // namespace

absl::StatusOr<Database> open_database(const std::string& directory,
                                       const RocksdbOptions& options) {
  Database database;
  if (options.key_hash != nullptr) database.index.revisions = Revisions(options.key_hash);
  if (options.file_system) database.own_env = rocksdb::NewCompositeEnv(options.file_system);
  rocksdb::Env* env = database.own_env ? database.own_env.get() : rocksdb::Env::Default();
  if (absl::Status s = make_directory(*env, directory); !s.ok()) return s;
  const absl::StatusOr<Inspection> inspection = inspect_under_lock(*env, directory);
  if (!inspection.ok()) return inspection.status();

  database.gate = std::make_shared<FatalGate>(directory, options.on_fatal);
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status s =
      rocksdb::DB::Open(rocksdb_options(env, options, database.gate), directory, &opened);
  if (!s.ok()) return explain(s, directory);
  database.db.reset(opened);

  if (opened->GetLatestSequenceNumber() + 1 < inspection->next_sequence) {
    return damage(directory, "recovery stopped before the end of its log");
  }
  if (absl::Status format = check_format(*opened, directory); !format.ok()) return format;
  if (absl::Status read = read_everything(database, directory); !read.ok()) return read;
  if (absl::Status s = remove_unread_files(*env, directory); !s.ok()) return s;
  absl::Status written = write_durably(database, directory, options.sync);
  if (!written.ok()) return written;
  database.gate->arm();
  return database;
}

absl::Status explain(const rocksdb::Status& status, const std::string& directory) {
  if (status.ok()) return absl::OkStatus();
  const std::string why = status.ToString();
  if (status.IsCorruption()) return damage(directory, why);
  if (status.IsNoSpace()) {
    return absl::ResourceExhaustedError(
        fmt::format("The store in {} finds no room on its disk ({}): make room.", directory, why));
  }
  if (why.find("Permission denied") != std::string::npos) {
    return absl::PermissionDeniedError(
        fmt::format("The store in {} may not be used by this process's user ({}): give that user "
                    "the right to read and write it.",
                    directory, why));
  }
  return absl::UnavailableError(fmt::format("The store in {} cannot be used: {}.", directory, why));
}

}  // namespace interlock
