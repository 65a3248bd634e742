#include "coordinator/store/rocksdb/log_check.h"

#include <algorithm>
#include <array>

#include "fmt/core.h"

namespace interlock {
namespace {

constexpr std::size_t kBlockBytes = 32 * 1024;
constexpr std::size_t kHeaderBytes = 7;  // checksum 4, length 2, type 1
constexpr std::size_t kTypeAt = 6;       // the checksum is over the type and the payload
constexpr std::size_t kBatchHeaderBytes = 12;  // sequence number 8, count 4

enum Type : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

// Checksums are stored masked, since a checksum over data with checksums in it is weak.
std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

struct Header {
  std::uint32_t checksum = 0;
  std::size_t length = 0;
  std::uint8_t type = 0;
};
Header header_of(std::string_view at) {
  return {static_cast<std::uint32_t>(little_endian(at.substr(0, 4))),
          static_cast<std::size_t>(little_endian(at.substr(4, 2))),
          static_cast<std::uint8_t>(at[kTypeAt])};
}

bool checksum_holds(std::string_view at, const Header& header) {
  return masked(crc32c(at.substr(kTypeAt, 1 + header.length))) == header.checksum;
}

// `rest` begins with a header that promises more than there is. A record that was cut short fits
// its checksum at no length.
bool is_whole_but_for_its_length(std::string_view rest) {
  const Header header = header_of(rest);
  std::uint32_t crc = crc32c(rest.substr(kTypeAt, 1));
  if (masked(crc) == header.checksum) return true;
  for (std::size_t i = kHeaderBytes; i < rest.size(); ++i) {
    crc = crc32c(rest.substr(i, 1), crc);
    if (masked(crc) == header.checksum) return true;
  }
  return false;
}

// Pieces of the torn record may have reached the disk out of order; the beginning of a later
// record cannot have.
bool a_later_record_begins_in(std::string_view rest) {
  for (std::size_t i = 0; i + kHeaderBytes <= rest.size(); ++i) {
    const std::string_view at = rest.substr(i);
    const Header header = header_of(at);
    if (header.type != kFull && header.type != kFirst) continue;
    if (kHeaderBytes + header.length > at.size()) continue;
    if (checksum_holds(at, header)) return true;
  }
  return false;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  LogCheck check() {
    while (at_ < bytes_.size() && !result_.damage && result_.torn_bytes == 0) {
      const std::size_t block_end = std::min(bytes_.size(), (at_ / kBlockBytes + 1) * kBlockBytes);
      const std::size_t left = block_end - at_;
      if (left >= kHeaderBytes) {
        check_piece(bytes_.substr(at_, left));
      } else if (block_end % kBlockBytes == 0) {
        at_ = block_end;  // no header fits here: padding
      } else {
        torn();
      }
    }
    // The pieces of a record that never got its last one.
    if (!result_.damage && in_record_ && result_.torn_bytes == 0) {
      result_.torn_bytes = bytes_.size() - record_at_;
    }
    return result_;
  }

 private:
  void damaged(std::string_view what) {
    result_.damage = fmt::format("{} at byte {} of {}", what, at_, bytes_.size());
  }
  void torn() { result_.torn_bytes = bytes_.size() - (in_record_ ? record_at_ : at_); }

  // `rest` is what is left of the block.
  void check_piece(std::string_view rest) {
    const Header header = header_of(rest);
    if (header.type < kFull || header.type > kLast) return damaged("no kind of record");
    if (kHeaderBytes + header.length > rest.size()) return check_tail(rest, header);
    if (!checksum_holds(rest, header)) return damaged("a checksum that does not hold");
    const bool begins = header.type == kFull || header.type == kFirst;
    if (begins == in_record_) return damaged("a record out of place");
    if (begins) {
      record_at_ = at_;
      record_head_.clear();
    }
    record_head_.append(rest.substr(kHeaderBytes, std::min(header.length, kBatchHeaderBytes)));
    in_record_ = header.type == kFirst || header.type == kMiddle;
    if (!in_record_) note_sequence();
    at_ += kHeaderBytes + header.length;
  }

  void check_tail(std::string_view rest, const Header& header) {
    const bool fits_its_block = at_ % kBlockBytes + kHeaderBytes + header.length <= kBlockBytes;
    const bool is_tail = at_ + rest.size() == bytes_.size();
    if (!fits_its_block || !is_tail || is_whole_but_for_its_length(rest) ||
        a_later_record_begins_in(rest.substr(1))) {
      return damaged("a length that cannot be");
    }
    torn();
  }

  // A batch begins with the sequence number of its first change and the number of its changes.
  void note_sequence() {
    if (record_head_.size() < kBatchHeaderBytes) return;
    const std::string_view head = record_head_;
    result_.next_sequence = std::max(
        result_.next_sequence, little_endian(head.substr(0, 8)) + little_endian(head.substr(8, 4)));
  }

  const std::string_view bytes_;
  std::size_t at_ = 0;
  bool in_record_ = false;
  std::size_t record_at_ = 0;
  std::string record_head_;  // at least the batch header, once that much has been read
  LogCheck result_;
};

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78U : 0);
    table[i] = crc;
  }
  return table;
}

}  // namespace

LogCheck check_log(std::string_view bytes) { return Reader(bytes).check(); }

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  std::uint32_t crc = ~before;
  for (const char byte : bytes) {
    crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff] ^ (crc >> 8);
  }
  return ~crc;
}

}  // namespace interlock
