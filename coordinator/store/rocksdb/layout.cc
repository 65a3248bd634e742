#include "coordinator/store/rocksdb/layout.h"

#include <cassert>

namespace interlock {
namespace {

constexpr std::size_t kNumberBytes = 8;
constexpr std::size_t kLengthBytes = 2;

void append_big_endian(std::string& to, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;) to.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

std::string record_key(std::string_view key) {
  std::string bytes(1, kRecordPrefix);
  return bytes.append(key);
}

std::string attachment_key(std::string_view key, std::uint64_t number) {
  assert(key.size() <= 0xffff);
  std::string bytes;
  bytes.reserve(1 + kLengthBytes + key.size() + kNumberBytes);
  bytes.push_back(kAttachmentPrefix);
  append_big_endian(bytes, key.size(), kLengthBytes);
  bytes.append(key);
  append_big_endian(bytes, number, kNumberBytes);
  return bytes;
}

std::optional<AttachmentName> parse_attachment_key(std::string_view bytes) {
  constexpr std::size_t kKeyAt = 1 + kLengthBytes;
  if (bytes.size() < kKeyAt + kNumberBytes || bytes[0] != kAttachmentPrefix) return std::nullopt;
  const std::size_t length = big_endian(bytes.substr(1, kLengthBytes));
  if (bytes.size() != kKeyAt + length + kNumberBytes) return std::nullopt;
  return AttachmentName{bytes.substr(kKeyAt, length), big_endian(bytes.substr(kKeyAt + length))};
}

std::string encode_number(std::uint64_t number) {
  std::string bytes;
  append_big_endian(bytes, number, kNumberBytes);
  return bytes;
}

std::optional<std::uint64_t> decode_number(std::string_view bytes) {
  if (bytes.size() != kNumberBytes) return std::nullopt;
  return big_endian(bytes);
}

std::string encode_record(Revision revision, std::string_view record) {
  std::string bytes;
  bytes.reserve(kNumberBytes + record.size());
  append_big_endian(bytes, revision, kNumberBytes);
  return bytes.append(record);
}

std::optional<Revision> decode_revision(std::string_view record) {
  return decode_number(record.substr(0, kNumberBytes));
}

std::optional<Versioned> decode_record(std::string_view bytes) {
  const std::optional<Revision> revision = decode_revision(bytes);
  if (!revision) return std::nullopt;
  return Versioned{std::string(bytes.substr(kNumberBytes)), *revision};
}

}  // namespace interlock
