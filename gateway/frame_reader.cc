#include "gateway/frame_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace interlock {
namespace {

constexpr std::uint16_t protocol_error = 1002;
constexpr std::uint16_t bad_payload = 1007;
constexpr std::uint16_t too_big = 1009;

// Four bytes at a time, which the compiler makes wider; `mask` is turned for what follows.
void unmask(char* bytes, std::size_t size, std::array<char, 4>& mask) {
  std::uint32_t word_mask = 0;
  std::memcpy(&word_mask, mask.data(), sizeof word_mask);
  std::size_t at = 0;
  for (; at + sizeof word_mask <= size; at += sizeof word_mask) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes + at, sizeof word);
    word ^= word_mask;
    std::memcpy(bytes + at, &word, sizeof word);
  }
  const std::size_t rest = size - at;
  for (std::size_t i = 0; i < rest; ++i) bytes[at + i] = static_cast<char>(bytes[at + i] ^ mask[i]);
  std::rotate(mask.begin(), mask.begin() + rest, mask.end());
}

// Which a close frame may say (RFC 6455, 7.4, and what is registered with IANA since).
bool close_code_allowed(std::uint16_t code) {
  if (code >= 1000 && code <= 1013) return code < 1004 || code > 1006;
  return code >= 3000 && code <= 4999;
}

FrameEvent read_close(std::string_view payload) {
  if (payload.empty()) return CloseRead{};
  if (payload.size() == 1) return FrameBreach{protocol_error};
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(payload[at]); };
  const auto code = static_cast<std::uint16_t>(byte(0) << 8 | byte(1));
  if (!close_code_allowed(code)) return FrameBreach{protocol_error};
  Utf8Check reason;
  if (!reason.take(payload.substr(2)) || !reason.whole()) return FrameBreach{bad_payload};
  return CloseRead{code};
}

}  // namespace

FrameEvent FrameReader::next(std::string_view& bytes) {
  for (;;) {
    if (!in_payload_) {
      if (const std::uint16_t breach = read_head(bytes)) return FrameBreach{breach};
      if (!in_payload_) return MoreNeeded{};
    }
    if (const std::uint16_t breach = read_payload(bytes)) return FrameBreach{breach};
    if (left_ > 0) return MoreNeeded{};
    in_payload_ = false;
    head_size_ = 0;
    if (control()) return take_control();
    if (final()) return take_message();
  }
}

// ---- the head: each part is judged as soon as it is there ----

// The code of a breach; 0: none.
std::uint16_t FrameReader::read_head(std::string_view& bytes) {
  if (!fill_head(bytes, start_bytes)) return 0;
  if (!start_allowed()) return protocol_error;
  const std::size_t length_end = start_bytes + length_bytes();
  if (!fill_head(bytes, length_end)) return 0;
  if (const std::uint16_t breach = check_length()) return breach;
  if (!fill_head(bytes, length_end + mask_bytes)) return 0;
  begin_payload();
  return 0;
}

// True once there are so many bytes of it.
bool FrameReader::fill_head(std::string_view& bytes, std::size_t size) {
  if (head_size_ >= size) return true;
  const std::size_t taken = std::min(size - head_size_, bytes.size());
  std::copy_n(bytes.begin(), taken, head_.begin() + head_size_);
  bytes.remove_prefix(taken);
  head_size_ = static_cast<std::uint8_t>(head_size_ + taken);
  return head_size_ == size;
}

bool FrameReader::start_allowed() const {
  const bool reserved_bits = (head_byte(0) & 0x70) != 0;
  const bool masked = (head_byte(1) & 0x80) != 0;
  if (reserved_bits || !masked) return false;
  switch (kind()) {
    case FrameKind::kContinuation:
      return in_message_;
    case FrameKind::kText:
    case FrameKind::kBinary:
      return !in_message_;
    case FrameKind::kClose:
    case FrameKind::kPing:
    case FrameKind::kPong:
      return final() && length_bytes() == 0;
  }
  return false;
}

std::size_t FrameReader::length_bytes() const {
  switch (head_byte(1) & 0x7F) {
    case 126:
      return 2;
    case 127:
      return 8;
    default:
      return 0;
  }
}

std::uint64_t FrameReader::length() const {
  const std::size_t bytes = length_bytes();
  if (bytes == 0) return head_byte(1) & 0x7F;
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < bytes; ++i) length = length << 8 | head_byte(start_bytes + i);
  return length;
}

// A length must be said in as few bytes as it takes, and its highest bit is 0 (RFC 6455, 5.2).
std::uint16_t FrameReader::check_length() const {
  const std::uint64_t size = length();
  const std::size_t bytes = length_bytes();
  if (bytes == 2 && size < 126) return protocol_error;
  if (bytes == 8 && (size <= 0xFFFF || size >> 63 != 0)) return protocol_error;
  if (!control() && size > message_bytes_max_ - message_.size()) return too_big;
  return 0;
}

void FrameReader::begin_payload() {
  in_payload_ = true;
  left_ = length();
  std::copy_n(head_.begin() + head_size_ - mask_bytes, mask_bytes, mask_.begin());
  if (control() || kind() == FrameKind::kContinuation) return;
  in_message_ = true;
  binary_ = kind() == FrameKind::kBinary;
}

// ---- the payload ----

// The code of a breach; 0: none.
std::uint16_t FrameReader::read_payload(std::string_view& bytes) {
  std::string& place = control() ? control_ : message_;
  const std::size_t begin = place.size();
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  place.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  left_ -= taken;
  unmask(place.data() + begin, taken, mask_);
  if (control() || binary_) return 0;
  if (!utf8_.take(std::string_view(place).substr(begin))) return bad_payload;
  const bool ends = left_ == 0 && final();
  return ends && !utf8_.whole() ? bad_payload : std::uint16_t{0};
}

FrameEvent FrameReader::take_control() {
  std::string payload = std::exchange(control_, {});
  if (kind() == FrameKind::kPing) return PingRead{std::move(payload)};
  if (kind() == FrameKind::kPong) return PongRead{};
  return read_close(payload);
}

FrameEvent FrameReader::take_message() {
  in_message_ = false;
  return MessageRead{binary_, std::exchange(message_, {})};
}

}  // namespace interlock
