#include "coordinator/store/store.h"

#include <set>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "fmt/core.h"

namespace interlock {
namespace {

absl::Status invalid(std::string sentence) { return absl::InvalidArgumentError(sentence); }

absl::Status check_shape(const Entry& entry) {
  if (entry.key.empty()) return invalid("An entry has an empty key.");
  if (entry.write == Write::kPut) {
    if (entry.remove && entry.remove->first > entry.remove->last) {
      return invalid(
          fmt::format("The range to remove from '{}' ends before it begins.", entry.key));
    }
    return absl::OkStatus();
  }
  if (!entry.record.empty() || !entry.put.empty() || entry.remove) {
    return invalid(fmt::format("The entry for '{}' writes nothing, yet carries something to write.",
                               entry.key));
  }
  // There would be nothing to delete and no change to give a revision to.
  if (entry.write == Write::kDelete && entry.expected == kAbsent) {
    return invalid(
        fmt::format("The entry for '{}' deletes what it expects to be absent.", entry.key));
  }
  return absl::OkStatus();
}

absl::Status check_entry(const Entry& entry, const StoreLimits& limits) {
  if (absl::Status shape = check_shape(entry); !shape.ok()) return shape;
  if (entry.key.size() > limits.key_bytes_max) {
    return invalid(fmt::format("A key has {} bytes; at most {} are allowed.", entry.key.size(),
                               limits.key_bytes_max));
  }
  if (entry.put.size() > limits.entry_puts_max) {
    return invalid(fmt::format("The entry for '{}' puts {} attachments; at most {} are allowed.",
                               entry.key, entry.put.size(), limits.entry_puts_max));
  }
  if (const std::size_t bytes = entry_bytes(entry); bytes > limits.entry_bytes_max) {
    return invalid(fmt::format("The entry for '{}' has {} bytes; at most {} are allowed.",
                               entry.key, bytes, limits.entry_bytes_max));
  }
  std::set<std::uint64_t> numbers;
  for (const Attachment& attachment : entry.put) {
    if (!numbers.insert(attachment.number).second) {
      return invalid(fmt::format("The entry for '{}' puts attachment {} twice.", entry.key,
                                 attachment.number));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::size_t entry_bytes(const Entry& entry) {
  std::size_t bytes = entry.key.size() + entry.record.size();
  for (const Attachment& attachment : entry.put) {
    bytes += sizeof(attachment.number) + attachment.bytes.size();
  }
  return bytes;
}

absl::Status check_batch(const Batch& batch, const StoreLimits& limits) {
  if (batch.size() > limits.batch_entries_max) {
    return invalid(fmt::format("The batch has {} entries; at most {} are allowed.", batch.size(),
                               limits.batch_entries_max));
  }
  std::size_t bytes = 0;
  absl::flat_hash_set<std::string_view> keys;
  keys.reserve(batch.size());
  for (const Entry& entry : batch) {
    if (absl::Status checked = check_entry(entry, limits); !checked.ok()) return checked;
    if (!keys.insert(entry.key).second) {
      return invalid(fmt::format("The batch names '{}' twice.", entry.key));
    }
    bytes += entry_bytes(entry);
  }
  if (bytes > limits.batch_bytes_max) {
    return invalid(fmt::format("The batch has {} bytes; at most {} are allowed.", bytes,
                               limits.batch_bytes_max));
  }
  return absl::OkStatus();
}

}  // namespace interlock
