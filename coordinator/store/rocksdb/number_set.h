// Which attachments a record has, as ranges of their numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "coordinator/store/store.h"

namespace interlock {

// Attachments are numbered in sequence and removed from below, so a record has one range, rarely
// two. Knowing them spares a search in the database before each removal, and a search that begins
// where nothing has been removed does not wade through what has.
class NumberSet {
 public:
  void add(std::uint64_t number);

  // Takes the numbers of `range` out and returns those that were in, as ranges in order.
  std::vector<NumberRange> take(NumberRange range);

  const std::vector<NumberRange>& ranges() const { return ranges_; }

 private:
  std::vector<NumberRange> ranges_;  // in order, with gaps between them
};

}  // namespace interlock
