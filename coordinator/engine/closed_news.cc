#include "coordinator/engine/closed_news.h"

#include <algorithm>

namespace interlock {

void ClosedNews::observe(const std::string& key, Generation pending, bool own,
                         std::uint64_t now_ms) {
  const auto found = owed_.find(key);
  if (pending == 0) {
    if (found == owed_.end()) return;
    if (found->second.asked) --asked_;
    owed_.erase(found);
    return;
  }
  if (found != owed_.end() && found->second.generation == pending) return;
  Owed& owed = owed_[key];
  if (owed.asked) --asked_;
  owed = Owed{.generation = pending};
  schedule(key, owed, own ? now_ms : now_ms + limits_.closed_others_after_ms);
}

void ClosedNews::schedule(const std::string& key, Owed& owed, std::uint64_t at_ms) {
  owed.at_ms = at_ms;
  due_.emplace(at_ms, key);
}

ClosedNews::Task ClosedNews::ask(const std::string& key, Owed& owed, std::uint64_t now_ms,
                                 double random) {
  const auto at = static_cast<std::size_t>(random * static_cast<double>(streams_.size()));
  if (!owed.asked) ++asked_;
  owed.asked = true;
  schedule(key, owed, now_ms + limits_.closed_again_after_ms);
  return {key, owed.generation, streams_[std::min(at, streams_.size() - 1)]};
}

std::optional<ClosedNews::Task> ClosedNews::next(std::uint64_t now_ms, double random) {
  if (streams_.empty()) return std::nullopt;
  if (auto task = next_due(now_ms, random)) return task;
  while (!full() && !ready_.empty()) {
    const std::string key = std::move(ready_.front());
    ready_.pop_front();
    const auto found = owed_.find(key);
    if (found == owed_.end() || found->second.at_ms != 0) continue;
    return ask(key, found->second, now_ms, random);
  }
  return std::nullopt;
}

std::optional<ClosedNews::Task> ClosedNews::next_due(std::uint64_t now_ms, double random) {
  while (!due_.empty() && due_.begin()->first <= now_ms) {
    const auto [at_ms, key] = std::move(*due_.begin());
    due_.erase(due_.begin());
    const auto found = owed_.find(key);
    if (found == owed_.end() || found->second.at_ms != at_ms) continue;
    // Asked before, and nobody has said that it was told: somebody, perhaps another one, is asked.
    if (found->second.asked || !full()) return ask(key, found->second, now_ms, random);
    found->second.at_ms = 0;
    ready_.push_back(key);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ClosedNews::wake_at_ms() const {
  if (streams_.empty() || due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

}  // namespace interlock
