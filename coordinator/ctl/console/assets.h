// The page's files, which the build put into the program.
#pragma once

#include <span>
#include <string_view>

namespace interlock {

struct Asset {
  std::string_view path;          // `/views/overview.js`
  std::string_view content_type;
  std::string_view content;
};

// By path. Empty when npm was missing, or could not fetch the page's libraries, at build time.
std::span<const Asset> console_assets();

// Nullptr: there is none.
const Asset* find_asset(std::span<const Asset> assets, std::string_view path);

}  // namespace interlock
