#include "coordinator/store/etcd/layout.h"

namespace interlock::etcd {
namespace {

constexpr char kAttachment = 'a';
constexpr char kMeta = 'm';
constexpr char kRecord = 'r';
constexpr std::size_t kNumberBytes = 8;

void append_number(std::string& to, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;) to.push_back(static_cast<char>(number >> (8 * i)));
}

}  // namespace

std::string Layout::record(std::string_view key) const {
  std::string bytes = prefix_;
  bytes.push_back(kRecord);
  bytes.append(key);
  return bytes;
}

std::optional<std::string_view> Layout::parse_record(std::string_view bytes) const {
  if (bytes.size() <= prefix_.size() || !bytes.starts_with(prefix_) ||
      bytes[prefix_.size()] != kRecord) {
    return std::nullopt;
  }
  return bytes.substr(prefix_.size() + 1);
}

KeyRange Layout::records() const {
  return {prefix_ + kRecord, prefix_ + static_cast<char>(kRecord + 1)};
}

KeyRange Layout::watched() const {
  return {prefix_ + kMeta, prefix_ + static_cast<char>(kRecord + 1)};
}

std::string Layout::attachment(std::string_view key, std::uint64_t number) const {
  std::string bytes;
  bytes.reserve(prefix_.size() + 3 + key.size() + kNumberBytes);
  bytes.append(prefix_);
  bytes.push_back(kAttachment);
  append_number(bytes, key.size(), 2);
  bytes.append(key);
  append_number(bytes, number, kNumberBytes);
  return bytes;
}

std::uint64_t Layout::parse_number(std::string_view attachment) const {
  std::uint64_t number = 0;
  if (attachment.size() < kNumberBytes) return number;
  for (const char byte : attachment.substr(attachment.size() - kNumberBytes)) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return number;
}

KeyRange Layout::attachments(std::string_view key, NumberRange numbers) const {
  // What follows a key directly is the key with a zero byte behind it.
  return {attachment(key, numbers.first), attachment(key, numbers.last) + '\0'};
}

}  // namespace interlock::etcd
