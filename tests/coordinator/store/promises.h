// Keeps account of what a store has promised, and asks its next life for it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "coordinator/store/store.h"

namespace interlock {

// One thread uses it. Each key has at most one commit under way.
class Promises {
 public:
  explicit Promises(std::uint64_t seed) : random_(seed) {}

  // Commits to `store`, several at a time, until so many were answered or `is_over`. Answers that
  // come after `is_over` was true are counted as broken.
  void work(Store& store, std::uint64_t commits, const std::function<bool()>& is_over);

  // What the store does not hold though it was answered. What was never answered may be there or
  // not; what is found counts from then on.
  std::vector<std::string> broken(Store& store);

  std::uint64_t answered() const { return answered_; }

 private:
  struct State {
    Revision revision = kAbsent;
    std::string record;
    std::map<std::uint64_t, std::string> attachments;
    bool same_but_for_revision(const State& other) const;
  };
  struct Answers {
    std::mutex mutex;
    std::condition_variable come;
    std::deque<std::pair<std::string, Outcome>> waiting;
    bool late = false;  // they come when none should any more
  };

  Entry next_entry(const std::string& key);
  void take(const std::string& key, const Outcome& outcome);
  void check(const std::string& key, const State& found, std::vector<std::string>& broken);

  std::mt19937_64 random_;
  std::map<std::string, State> promised_;
  std::map<std::string, State> under_way_;
  Revision highest_ = kAbsent;
  std::uint64_t given_ = 0;
  std::uint64_t answered_ = 0;
  std::vector<std::string> broken_;
};

}  // namespace interlock
