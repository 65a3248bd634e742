#include "gateway/close_code.h"

#include <cstddef>

namespace interlock {
namespace {

constexpr std::size_t reason_bytes_max = 123;  // RFC 6455, 5.5: 125 with the code

void cut(std::string& text) {
  if (text.size() <= reason_bytes_max) return;
  std::size_t end = reason_bytes_max;
  // Not in the middle of a character: the reason of a close frame must be UTF-8.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
}

}  // namespace

std::string close_reason(CloseCode code, const CloseDetail& detail) {
  std::string reason(close_code_name(static_cast<std::uint16_t>(code)));
  if (detail.after_ms > 0) reason.append("; after_ms=").append(std::to_string(detail.after_ms));
  if (detail.generation > 0) {
    reason.append("; generation=").append(std::to_string(detail.generation));
  }
  if (!detail.sentence.empty()) reason.append("; ").append(detail.sentence);
  cut(reason);
  return reason;
}

}  // namespace interlock
