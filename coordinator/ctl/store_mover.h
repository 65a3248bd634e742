// Stores as the tool's verbs move them, without the store's own names.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

#include "absl/status/statusor.h"

namespace interlock {

struct StoreMover {
  struct Count {
    std::uint64_t records = 0;
    std::uint64_t events = 0;
  };
  using Progress = std::function<void(const Count& so_far)>;

  // The statuses are those of coordinator/move/store_move.h, or say why the store cannot be opened.
  static absl::StatusOr<Count> export_to(const std::string& url, std::ostream& to,
                                         const Progress& progress);
  static absl::StatusOr<Count> import_from(const std::string& url, std::istream& from,
                                           const Progress& progress);
};

}  // namespace interlock
