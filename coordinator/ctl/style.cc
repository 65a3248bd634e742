#include "coordinator/ctl/style.h"

#include <fmt/format.h>

namespace interlock {
namespace {

// "Select graphic rendition" of ECMA-48, section 8.3.117. Only the eight basic colours, which every
// terminal theme defines.
std::string_view rendition_of(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kGood:
      return "32";
    case Style::kWaiting:
      return "33";
    case Style::kTrouble:
      return "35";
    case Style::kBad:
      return "31";
    case Style::kFaint:
      return "2";
    case Style::kHeading:
      return "1";
  }
  return "";
}

}  // namespace

std::string paint(std::string_view text, Style style, bool colour) {
  const std::string_view rendition = rendition_of(style);
  if (!colour || rendition.empty() || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", rendition, text);
}

}  // namespace interlock
