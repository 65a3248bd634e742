#include "coordinator/store/rocksdb/number_set.h"

#include <algorithm>

namespace interlock {

void NumberSet::add(std::uint64_t number) {
  const auto next = std::lower_bound(
      ranges_.begin(), ranges_.end(), number,
      [](const NumberRange& range, std::uint64_t value) { return range.last < value; });
  if (next != ranges_.end() && next->first <= number) return;
  const bool touches_next = next != ranges_.end() && next->first == number + 1;
  const bool touches_before = next != ranges_.begin() && std::prev(next)->last + 1 == number;
  if (touches_before && touches_next) {
    std::prev(next)->last = next->last;
    ranges_.erase(next);
  } else if (touches_before) {
    std::prev(next)->last = number;
  } else if (touches_next) {
    next->first = number;
  } else {
    ranges_.insert(next, {number, number});
  }
}

std::vector<NumberRange> NumberSet::take(NumberRange range) {
  std::vector<NumberRange> taken;
  std::vector<NumberRange> kept;
  for (const NumberRange& each : ranges_) {
    const NumberRange common{std::max(each.first, range.first), std::min(each.last, range.last)};
    if (common.first > common.last) {
      kept.push_back(each);
      continue;
    }
    taken.push_back(common);
    if (each.first < common.first) kept.push_back({each.first, common.first - 1});
    if (common.last < each.last) kept.push_back({common.last + 1, each.last});
  }
  ranges_ = std::move(kept);
  return taken;
}

}  // namespace interlock
