// What colour a word has on a terminal, by what it means.
#pragma once

#include <string>
#include <string_view>

namespace interlock {

enum class Style { kPlain, kGood, kWaiting, kTrouble, kBad, kFaint, kHeading };

// `text` between the escape sequences of `style`, or as it is without `colour`.
std::string paint(std::string_view text, Style style, bool colour);

}  // namespace interlock
