#include "coordinator/move/store_move.h"

#include <algorithm>
#include <istream>
#include <map>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/engine/record_codec.h"
#include "coordinator/move/store_calls.h"
#include "coordinator/move/store_file.h"

namespace interlock {
namespace {

using Records = std::map<std::string, Versioned>;

constexpr std::uint64_t kProgressEvery = 50'000;  // records
constexpr std::size_t kRecordsInBatch = 64;

absl::Status with_key(const absl::Status& status, const std::string& key) {
  return {status.code(), absl::StrCat("Record ", key, ": ", status.message())};
}

// ---- export ----

absl::StatusOr<std::uint64_t> base_of(const Records& records) {
  const auto base = records.find(std::string(kBaseKey));
  if (base == records.end()) {
    return absl::FailedPreconditionError(
        records.empty()
            ? "The store is empty: there is nothing to export."
            : "The store holds records but no base: it is not one of Interlock's, or an "
              "import into it was broken off.");
  }
  return decode_base(base->second.bytes);
}

// The record with its generations spelled out, and the events that it promises.
absl::StatusOr<FileRecord> record_for_file(Store& store, const std::string& key,
                                           const Versioned& record, std::uint64_t base) {
  FileRecord out{.key = key, .record = record.bytes, .attachments = {}};
  if (!connection_key_of(key)) return out;
  absl::StatusOr<Record> decoded = decode_record(record.bytes, base + record.revision);
  if (!decoded.ok()) return with_key(decoded.status(), key);
  out.record = encode(*decoded);
  if (decoded->last_sequence == decoded->acknowledged) return out;
  absl::StatusOr<std::vector<Attachment>> attachments = read_all(store, key);
  if (!attachments.ok()) return with_key(attachments.status(), key);
  out.attachments = *std::move(attachments);
  const bool whole = out.attachments.size() == decoded->last_sequence - decoded->acknowledged &&
                     out.attachments.front().number == decoded->acknowledged + 1;
  if (!whole) {
    return absl::FailedPreconditionError(
        absl::StrCat("Record ", key,
                     " does not fit its events: a coordinator is still writing to this store. "
                     "End every coordinator first."));
  }
  return out;
}

bool same(const Records& before, const Records& after) { return before == after; }

// ---- import ----

// A record with more events than one entry takes is written several times, with more of them each
// time.
class Importer {
 public:
  explicit Importer(Store& store) : store_(store), limits_(store.limits()) {}

  absl::Status add(FileRecord record) {
    Entry entry{.key = std::move(record.key), .record = std::move(record.record)};
    std::swap(entry.put, record.attachments);
    const std::size_t bytes = entry_bytes(entry);
    if (entry.put.size() > limits_.entry_puts_max || bytes > limits_.entry_bytes_max) {
      return write_in_parts(entry);
    }
    batch_.push_back(std::move(entry));
    bytes_ += bytes;
    const bool full = batch_.size() >= std::min(kRecordsInBatch, limits_.batch_entries_max) ||
                      bytes_ + limits_.entry_bytes_max > limits_.batch_bytes_max;
    return full ? flush() : absl::OkStatus();
  }

  absl::Status flush() {
    if (batch_.empty()) return absl::OkStatus();
    bytes_ = 0;
    return write(std::exchange(batch_, {})).status();
  }

 private:
  absl::Status write_in_parts(const Entry& whole) {
    Revision expected = kAbsent;
    for (std::size_t at = 0; at < whole.put.size();) {
      Entry entry{.key = whole.key, .expected = expected, .record = whole.record};
      while (at < whole.put.size() && entry.put.size() < limits_.entry_puts_max) {
        entry.put.push_back(whole.put[at]);
        if (entry.put.size() > 1 && entry_bytes(entry) > limits_.entry_bytes_max) {
          entry.put.pop_back();
          break;
        }
        ++at;
      }
      const absl::StatusOr<Revision> revision = write({std::move(entry)});
      if (!revision.ok()) return revision.status();
      expected = *revision;
    }
    return absl::OkStatus();
  }

  // The last entry's revision.
  absl::StatusOr<Revision> write(Batch batch) {
    std::vector<std::string> keys;
    for (const Entry& entry : batch) keys.push_back(entry.key);
    absl::StatusOr<std::vector<Outcome>> outcomes = commit_all(store_, std::move(batch));
    if (!outcomes.ok()) return outcomes.status();
    Revision revision = kAbsent;
    for (std::size_t i = 0; i < outcomes->size(); ++i) {
      const Outcome& outcome = (*outcomes)[i];
      if (const auto* applied = std::get_if<Applied>(&outcome)) {
        revision = applied->revision;
      } else if (const auto* failed = std::get_if<Failed>(&outcome)) {
        return with_key(failed->reason, keys[i]);
      } else if (const auto* unknown = std::get_if<Unknown>(&outcome)) {
        return with_key(unknown->reason, keys[i]);
      } else {
        return absl::FailedPreconditionError(
            absl::StrCat("Record ", keys[i],
                         " is already there: the file names it twice, or somebody else "
                         "writes to this store."));
      }
    }
    return revision;
  }

  Store& store_;
  const StoreLimits limits_;
  Batch batch_;
  std::size_t bytes_ = 0;
};

// Line by line, with the number of the line in every complaint.
class FileReader {
 public:
  explicit FileReader(std::istream& from) : from_(from) {}

  absl::StatusOr<FileLine> next() {
    std::string text;
    ++line_;
    if (!std::getline(from_, text)) {
      return absl::DataLossError(absl::StrCat("The file ends behind line ", line_ - 1,
                                              " without its last line: it was cut off. Export "
                                              "again."));
    }
    absl::StatusOr<FileLine> line = parse_line(text);
    if (line.ok()) return line;
    return absl::DataLossError(absl::StrCat("Line ", line_, ": ", line.status().message()));
  }

 private:
  std::istream& from_;
  std::uint64_t line_ = 0;
};

absl::Status check_empty(Store& store) {
  const absl::StatusOr<Records> records = load_all(store);
  if (!records.ok()) return records.status();
  if (records->empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("The store already holds ", records->size(),
                                                    " records: an import needs an empty one."));
}

}  // namespace

absl::StatusOr<Moved> export_store(Store& store, std::ostream& to, const MoveProgress& progress) {
  const absl::StatusOr<Records> records = load_all(store);
  if (!records.ok()) return records.status();
  const absl::StatusOr<std::uint64_t> base = base_of(*records);
  if (!base.ok()) return base.status();
  Revision highest = 0;
  for (const auto& [key, record] : *records) highest = std::max(highest, record.revision);
  to << to_line(FileHeader{*base + highest}) << '\n';
  Moved moved;
  for (const auto& [key, record] : *records) {
    if (key == kBaseKey) continue;
    absl::StatusOr<FileRecord> line = record_for_file(store, key, record, *base);
    if (!line.ok()) return line.status();
    ++moved.records;
    moved.attachments += line->attachments.size();
    to << to_line(*std::move(line)) << '\n';
    if (!to) return absl::DataLossError("The file could not be written to its end.");
    if (moved.records % kProgressEvery == 0) progress(moved);
  }
  const absl::StatusOr<Records> again = load_all(store);
  if (!again.ok()) return again.status();
  if (!same(*records, *again)) {
    return absl::FailedPreconditionError(
        "Somebody has written to the store meanwhile: the file is worth nothing. End every "
        "coordinator first.");
  }
  to << to_line(FileEnd{moved.records, moved.attachments}) << '\n' << std::flush;
  if (!to) return absl::DataLossError("The file could not be written to its end.");
  return moved;
}

absl::StatusOr<Moved> import_store(Store& store, std::istream& from, const MoveProgress& progress) {
  FileReader file(from);
  absl::StatusOr<FileLine> line = file.next();
  if (!line.ok()) return line.status();
  const auto* header = std::get_if<FileHeader>(&*line);
  if (header == nullptr) {
    return absl::DataLossError(
        "The file does not begin as `interlockctl store export` begins one.");
  }
  const std::uint64_t base = header->generations_up_to;
  if (absl::Status status = check_empty(store); !status.ok()) return status;
  Importer importer(store);
  Moved moved;
  while (true) {
    line = file.next();
    if (!line.ok()) return line.status();
    if (std::holds_alternative<FileEnd>(*line)) break;
    auto* record = std::get_if<FileRecord>(&*line);
    if (record == nullptr) return absl::DataLossError("The file has two beginnings.");
    ++moved.records;
    moved.attachments += record->attachments.size();
    if (absl::Status status = importer.add(std::move(*record)); !status.ok()) return status;
    if (moved.records % kProgressEvery == 0) progress(moved);
  }
  const FileEnd& end = std::get<FileEnd>(*line);
  if (end.records != moved.records || end.attachments != moved.attachments) {
    return absl::DataLossError(absl::StrCat("The file has ", moved.records, " records and ",
                                            moved.attachments, " events, but says that they are ",
                                            end.records, " and ", end.attachments,
                                            ". Export again, and import into an empty store."));
  }
  if (absl::Status status = importer.flush(); !status.ok()) return status;
  if (absl::Status status = importer.add({std::string(kBaseKey), encode_base(base), {}});
      !status.ok()) {
    return status;
  }
  if (absl::Status status = importer.flush(); !status.ok()) return status;
  return moved;
}

}  // namespace interlock
