#include "coordinator/store/rocksdb/revisions.h"

namespace interlock {

std::optional<Revision> Revisions::look(std::string_view key, Revision expected) const {
  const auto found = revisions_.find(hash_(key));
  if (found == revisions_.end()) return kAbsent;
  if (found->second == expected && expected != kShared) return expected;
  return std::nullopt;
}

void Revisions::put(std::string_view key, Revision before, Revision now) {
  const auto [found, is_new] = revisions_.try_emplace(hash_(key), now);
  if (is_new || found->second == kShared) return;
  found->second = before == kAbsent ? kShared : now;
}

void Revisions::remove(std::string_view key) {
  const auto found = revisions_.find(hash_(key));
  if (found != revisions_.end() && found->second != kShared) revisions_.erase(found);
}

}  // namespace interlock
