// Tells a log that was torn by a crash from one that was damaged.
//
// RocksDB, in the recovery mode in which a torn tail is cut off, takes some damage for a tail: a
// flipped bit in a record's length or type makes it stop there without a word, and everything
// behind it is gone. So its logs (write-ahead log and manifest; the format is described at
// https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format) are read here first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace interlock {

struct LogCheck {
  std::optional<std::string> damage;  // a sentence; nothing: the log is whole, or torn
  std::size_t torn_bytes = 0;         // at the end, of a write that was never answered

  // One behind the last of the sequence numbers in its records; 0: it has none. Only the records
  // of a write-ahead log have them.
  std::uint64_t next_sequence = 0;
};

// What is torn off must be the last thing in the log, since each write is synced before the next
// one begins: a readable record behind it, or one that is whole but for its length, means damage.
LogCheck check_log(std::string_view bytes);

// CRC-32C (Castagnoli), by which the log's records are protected.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace interlock
