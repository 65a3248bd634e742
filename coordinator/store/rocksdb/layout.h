// How records and attachments lie in a RocksDB: one key space, told apart by its first letter.
//
//   a <length of key, 2 bytes> <key> <number, 8 bytes>   ->   the attachment
//   m <name>                                             ->   about the whole store
//   r <key>                                              ->   <revision, 8 bytes> <the record>
//
// Numbers are big-endian, so that attachments lie in their order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "coordinator/store/store.h"

namespace interlock {

constexpr std::uint64_t kRocksdbFormat = 1;
constexpr std::string_view kFormatKey = "mformat";      // an encoded number
constexpr std::string_view kRevisionKey = "mrevision";  // the last one given, an encoded number

constexpr char kAttachmentPrefix = 'a';
constexpr char kRecordPrefix = 'r';

std::string record_key(std::string_view key);
std::string attachment_key(std::string_view key, std::uint64_t number);

struct AttachmentName {
  std::string_view key;  // points into what was parsed
  std::uint64_t number = 0;
};
std::optional<AttachmentName> parse_attachment_key(std::string_view bytes);

std::string encode_number(std::uint64_t number);
std::optional<std::uint64_t> decode_number(std::string_view bytes);

std::optional<Revision> decode_revision(std::string_view record);
std::string encode_record(Revision revision, std::string_view record);
std::optional<Versioned> decode_record(std::string_view bytes);

}  // namespace interlock
