#include "tests/coordinator/store/promises.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "tests/coordinator/store/blocking.h"

namespace interlock {
namespace {

constexpr std::size_t kKeys = 24;
constexpr std::size_t kUnderWayMax = 8;

}  // namespace

bool Promises::State::same_but_for_revision(const State& other) const {
  return (revision == kAbsent) == (other.revision == kAbsent) && record == other.record &&
         attachments == other.attachments;
}

void Promises::work(Store& store, std::uint64_t commits, const std::function<bool()>& is_over) {
  const auto answers = std::make_shared<Answers>();
  const std::uint64_t end = answered_ + commits;
  while (answered_ < end && !is_over()) {
    const std::string key = "key" + std::to_string(random_() % kKeys);
    if (under_way_.size() < kUnderWayMax && !under_way_.contains(key)) {
      store.commit({next_entry(key)}, [answers, key, is_over](std::vector<Outcome> outcomes) {
        std::lock_guard lock(answers->mutex);
        answers->late = answers->late || is_over();
        answers->waiting.emplace_back(key, std::move(outcomes.front()));
        answers->come.notify_one();
      });
      continue;
    }
    std::unique_lock lock(answers->mutex);
    answers->come.wait_for(lock, std::chrono::milliseconds(10),
                           [&] { return !answers->waiting.empty(); });
    while (!answers->waiting.empty()) {
      take(answers->waiting.front().first, answers->waiting.front().second);
      answers->waiting.pop_front();
    }
  }
  std::lock_guard lock(answers->mutex);
  for (const auto& [key, outcome] : answers->waiting) take(key, outcome);
  answers->waiting.clear();
  if (answers->late) broken_.push_back("answered after the end");
}

Entry Promises::next_entry(const std::string& key) {
  const State& now = promised_[key];
  State next = now;
  Entry entry;
  if (now.revision != kAbsent && random_() % 8 == 0) {
    entry = erase(key, now.revision);
    next = {};
  } else {
    const std::uint64_t number = ++given_;
    next.revision = number;  // something; the real one comes with the answer
    next.record = key + "#" + std::to_string(number) + std::string(random_() % 2000, '.');
    entry = put(key, now.revision, next.record);
    if (!now.attachments.empty() && random_() % 3 == 0) {
      entry.remove = NumberRange{0, now.attachments.begin()->first + random_() % 10};
      next.attachments.erase(next.attachments.begin(),
                             next.attachments.upper_bound(entry.remove->last));
    }
    for (std::uint64_t i = 0, n = random_() % 4; i < n; ++i) {
      const Attachment attachment{number * 4 + i, std::string(random_() % 300, '-')};
      entry.put.push_back(attachment);
      next.attachments[attachment.number] = attachment.bytes;
    }
  }
  under_way_[key] = std::move(next);
  return entry;
}

void Promises::take(const std::string& key, const Outcome& outcome) {
  ++answered_;
  State next = std::move(under_way_[key]);
  under_way_.erase(key);
  const auto* applied = std::get_if<Applied>(&outcome);
  if (applied == nullptr) {
    broken_.push_back(key + " was not applied");
    return;
  }
  const bool deleted = next.revision == kAbsent;
  if (applied->revision <= promised_[key].revision) broken_.push_back(key + " went back");
  highest_ = std::max(highest_, applied->revision);
  promised_[key] = std::move(next);
  promised_[key].revision = deleted ? kAbsent : applied->revision;
}

std::vector<std::string> Promises::broken(Store& store) {
  std::vector<std::string> broken = std::exchange(broken_, {});
  const auto loaded = load(store);
  if (!loaded.ok()) return {std::string(loaded.status().message())};
  if (loaded->position.value < highest_) broken.push_back("the revision went back");
  std::set<std::string> keys;
  for (const auto& [key, state] : promised_) keys.insert(key);
  for (const auto& [key, record] : loaded->records) keys.insert(key);
  for (const std::string& key : keys) {
    State found;
    if (const auto record = loaded->records.find(key); record != loaded->records.end()) {
      found.revision = record->second.revision;
      found.record = record->second.bytes;
    }
    const auto lists = read(store, {{key, 0, 1'000'000}});
    if (!lists.ok()) return {std::string(lists.status().message())};
    for (const Attachment& each : lists->front()) found.attachments[each.number] = each.bytes;
    check(key, found, broken);
    promised_[key] = found;
  }
  under_way_.clear();
  highest_ = loaded->position.value;
  return broken;
}

void Promises::check(const std::string& key, const State& found, std::vector<std::string>& broken) {
  const State& promised = promised_[key];
  if (found.revision == promised.revision && found.same_but_for_revision(promised)) return;
  const auto under_way = under_way_.find(key);
  const bool is_what_was_under_way =
      under_way != under_way_.end() && found.same_but_for_revision(under_way->second) &&
      (found.revision == kAbsent || found.revision > promised.revision);
  if (is_what_was_under_way) return;
  broken.push_back(key + " was promised as " + promised.record.substr(0, 20) + " at " +
                   std::to_string(promised.revision) + " and is " + found.record.substr(0, 20) +
                   " at " + std::to_string(found.revision));
}

}  // namespace interlock
