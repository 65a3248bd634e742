#include "coordinator/store/rocksdb/reading.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "coordinator/store/rocksdb/database.h"
#include "coordinator/store/rocksdb/layout.h"

namespace interlock {
namespace {

absl::StatusOr<std::vector<Attachment>> read_list(rocksdb::DB& db, const ReadRequest& request) {
  std::vector<Attachment> list;
  if (request.limit == 0) return list;
  // Without an upper bound the end of this list would be looked for among what was removed from
  // the next one.
  const std::string end = attachment_key(request.key, UINT64_MAX) + '\0';
  const rocksdb::Slice upper_bound = end;
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  std::unique_ptr<rocksdb::Iterator> each(db.NewIterator(options));
  for (each->Seek(attachment_key(request.key, request.from)); each->Valid(); each->Next()) {
    const auto name = parse_attachment_key(each->key().ToStringView());
    if (!name) return absl::DataLossError("An attachment has no number.");
    list.push_back({name->number, each->value().ToString()});
    if (list.size() == request.limit) return list;
  }
  if (!each->status().ok()) return explain(each->status(), db.GetName());
  return list;
}

}  // namespace

absl::StatusOr<std::vector<std::vector<Attachment>>> read_attachments(
    rocksdb::DB& db, const std::vector<ReadRequest>& requests) {
  std::vector<std::vector<Attachment>> lists;
  lists.reserve(requests.size());
  for (const ReadRequest& request : requests) {
    absl::StatusOr<std::vector<Attachment>> list = read_list(db, request);
    if (!list.ok()) return list.status();
    lists.push_back(*std::move(list));
  }
  return lists;
}

absl::StatusOr<Position> load_records(rocksdb::DB& db, const LoadSink& sink) {
  rocksdb::ManagedSnapshot snapshot(&db);
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.snapshot();
  options.fill_cache = false;
  std::string bytes;
  if (rocksdb::Status s = db.Get(options, kRevisionKey, &bytes); !s.ok()) {
    return explain(s, db.GetName());
  }
  const std::optional<std::uint64_t> position = decode_number(bytes);
  if (!position) return absl::DataLossError("The last revision cannot be read.");

  std::vector<LoadedRecord> chunk;
  std::unique_ptr<rocksdb::Iterator> each(db.NewIterator(options));
  for (each->Seek(record_key("")); each->Valid(); each->Next()) {
    const std::string_view key = each->key().ToStringView();
    if (key.front() != kRecordPrefix) break;
    std::optional<Versioned> record = decode_record(each->value().ToStringView());
    if (!record) return absl::DataLossError("A record has no revision.");
    chunk.push_back({std::string(key.substr(1)), *std::move(record)});
    if (chunk.size() == kLoadChunkRecords) sink.chunk(std::exchange(chunk, {}));
  }
  if (!each->status().ok()) return explain(each->status(), db.GetName());
  if (!chunk.empty()) sink.chunk(std::move(chunk));
  return Position{*position};
}

}  // namespace interlock
