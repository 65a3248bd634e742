// Whose turn it is to compact, and to which revision. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace interlock::etcd {

// All stores over one cluster look at one key. Who has seen it unchanged for as long as history is
// kept may write it anew, by compare-and-set; who succeeds compacts to the revision that it had.
// So one compacts at a time, no clocks are compared, and history is kept for one to two such times
// (Kubernetes' API server does much the same). Nothing else has the key's revision, so that no
// deletion can: etcd before 3.4.36 and 3.5.18 forgets a deletion of the very revision that it
// compacts to, while a watch may still begin there.
class Compaction {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `revision`: the key's; 0: there is none. Whoever is answered may try to write it over that
  // revision; nothing: it is nobody's turn yet.
  std::optional<std::int64_t> look(std::int64_t revision, Time now, std::chrono::milliseconds keep);

 private:
  std::int64_t seen_ = 0;
  Time since_;
};

}  // namespace interlock::etcd
