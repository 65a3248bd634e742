// Everything that a store holds, as lines of JSON: what is exported and imported.
//
// First {"interlock_store":1,"generations_up_to":N}; then a line for each record, with the events
// that it holds; at last {"end":true,"records":N,"attachments":N}, without which a file is cut off.
// Bytes are in base64. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/store.h"

namespace interlock {

struct FileHeader {
  std::uint64_t generations_up_to = 0;  // no record names a higher one
};
struct FileRecord {
  std::string key;  // of the store
  std::string record;
  std::vector<Attachment> attachments;
};
struct FileEnd {
  std::uint64_t records = 0;
  std::uint64_t attachments = 0;
};
using FileLine = std::variant<FileHeader, FileRecord, FileEnd>;

// Without a newline.
std::string to_line(const FileLine& line);

// DataLoss, as a sentence, when it is none of these.
absl::StatusOr<FileLine> parse_line(std::string_view text);

}  // namespace interlock
