#include "coordinator/ctl/console/assets.h"

#include <algorithm>

namespace interlock {

const Asset* find_asset(std::span<const Asset> assets, std::string_view path) {
  if (path == "/") path = "/index.html";
  const auto found =
      std::ranges::find_if(assets, [path](const Asset& asset) { return asset.path == path; });
  return found == assets.end() ? nullptr : &*found;
}

}  // namespace interlock
