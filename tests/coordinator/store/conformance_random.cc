// Random operations against a model that is too simple to be wrong.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "tests/coordinator/store/blocking.h"
#include "tests/coordinator/store/conformance.h"

namespace interlock {
namespace {

struct ModelRecord {
  Versioned now;
  std::map<std::uint64_t, std::string> attachments;
};

class Model {
 public:
  // Compares the outcome with what the model says, and follows it.
  void follow(const Entry& entry, const Outcome& outcome) {
    const auto found = records_.find(entry.key);
    const Revision current = found == records_.end() ? kAbsent : found->second.now.revision;
    if (current != entry.expected) {
      const auto* refused = std::get_if<Refused>(&outcome);
      ASSERT_NE(refused, nullptr) << entry.key << " should have been refused";
      ASSERT_EQ(refused->current.has_value(), current != kAbsent);
      if (current != kAbsent) ASSERT_EQ(*refused->current, found->second.now);
      return;
    }
    const auto* applied = std::get_if<Applied>(&outcome);
    ASSERT_NE(applied, nullptr) << entry.key << " should have been applied";
    if (entry.write == Write::kCompareOnly) {
      ASSERT_EQ(applied->revision, current);
      return;
    }
    ASSERT_GT(applied->revision, before_);
    highest_ = std::max(highest_, applied->revision);
    if (entry.write == Write::kDelete) {
      records_.erase(entry.key);
    } else {
      write(entry, applied->revision);
    }
  }

  // Between batches: later revisions are above all of the earlier ones.
  void end_batch() { before_ = highest_; }

  const std::map<std::string, ModelRecord>& records() const { return records_; }

 private:
  void write(const Entry& entry, Revision revision) {
    ModelRecord& record = records_[entry.key];
    record.now = {entry.record, revision};
    if (entry.remove) {
      std::erase_if(record.attachments, [&](const auto& each) {
        return each.first >= entry.remove->first && each.first <= entry.remove->last;
      });
    }
    for (const Attachment& put : entry.put) record.attachments[put.number] = put.bytes;
  }

  std::map<std::string, ModelRecord> records_;
  Revision before_ = kAbsent;
  Revision highest_ = kAbsent;
};

class Operations {
 public:
  Operations(std::uint64_t seed, const Model& model) : random_(seed), model_(model) {}

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  Batch batch() {
    std::set<std::string> keys;
    for (std::uint64_t i = 0, n = 1 + below(12); i < n; ++i) {
      keys.insert("key" + std::to_string(below(24)));
    }
    Batch batch;
    for (const std::string& key : keys) batch.push_back(entry(key));
    return batch;
  }

 private:
  Entry entry(const std::string& key) {
    const Revision revision = expected(key);
    switch (below(8)) {
      case 0:
        return compare(key, revision);
      case 1:
        return revision == kAbsent ? compare(key, revision) : erase(key, revision);
      default:
        break;
    }
    Entry entry = put(key, revision, std::string(below(200), static_cast<char>('a' + below(26))));
    std::set<std::uint64_t> numbers;
    for (std::uint64_t i = 0, n = below(5); i < n; ++i) numbers.insert(below(40));
    for (const std::uint64_t number : numbers) {
      entry.put.push_back({number, std::to_string(below(1'000'000))});
    }
    if (below(3) == 0) {
      const std::uint64_t first = below(40);
      entry.remove = NumberRange{first, first + below(20)};
    }
    return entry;
  }

  Revision expected(const std::string& key) {
    const auto found = model_.records().find(key);
    const Revision current = found == model_.records().end() ? kAbsent : found->second.now.revision;
    switch (below(8)) {
      case 0:
        return kAbsent;
      case 1:
        return current == kAbsent ? 1 + below(1000) : current - below(current);
      default:
        return current;
    }
  }

  std::mt19937_64 random_;
  const Model& model_;
};

void compare_all(Store& store, const Model& model) {
  const auto loaded = load(store);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  std::map<std::string, Versioned> expected;
  std::vector<ReadRequest> requests;
  std::vector<std::vector<Attachment>> lists;
  for (const auto& [key, record] : model.records()) {
    expected[key] = record.now;
    requests.push_back({key, 0, 1000});
    lists.emplace_back();
    for (const auto& [number, bytes] : record.attachments) lists.back().push_back({number, bytes});
  }
  ASSERT_EQ(loaded->records, expected);
  const auto read_lists = read(store, requests);
  ASSERT_TRUE(read_lists.ok()) << read_lists.status();
  ASSERT_EQ(*read_lists, lists);
}

std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("INTERLOCK_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

}  // namespace

TEST_P(StoreConformance, RandomOperationsEndAsInTheModel) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("INTERLOCK_SEED=" + std::to_string(seed));
  std::cout << "INTERLOCK_SEED=" << seed << "\n";
  const std::uint64_t operations_max = full() ? 100'000 : 10'000;
  Model model;
  Operations operations(seed, model);
  std::uint64_t done = 0;
  for (std::uint64_t batches = 1; done < operations_max; ++batches) {
    const Batch batch = operations.batch();
    const std::vector<Outcome> outcomes = commit(*store_, batch);
    ASSERT_EQ(outcomes.size(), batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      ASSERT_NO_FATAL_FAILURE(model.follow(batch[i], outcomes[i]));
    }
    model.end_batch();
    done += batch.size();
    if (batches % 50 == 0) ASSERT_NO_FATAL_FAILURE(compare_all(*store_, model));
    if (operations.below(300) == 0) reopen();
  }
  ASSERT_NO_FATAL_FAILURE(compare_all(*store_, model));
  count("store.random_operations", done);
}

}  // namespace interlock
