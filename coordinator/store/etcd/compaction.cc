#include "coordinator/store/etcd/compaction.h"

namespace interlock::etcd {

std::optional<std::int64_t> Compaction::look(std::int64_t revision, Time now,
                                             std::chrono::milliseconds keep) {
  if (revision == 0) return revision;
  if (revision != seen_) {
    seen_ = revision;
    since_ = now;
  }
  if (now - since_ < keep) return std::nullopt;
  return revision;
}

}  // namespace interlock::etcd
