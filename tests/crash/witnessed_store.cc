#include "tests/crash/witnessed_store.h"

#include <string>
#include <utility>

namespace interlock {
namespace {

// asked <commit>, and for each entry: <key> <expected> <write> <record> <first> <last>
// <attachments> and for each of those: <number> <bytes>. Nothing is removed: 1 to 0.
DiaryLine asked(const std::string& commit, const Batch& batch) {
  DiaryLine line{"asked", commit};
  for (const Entry& entry : batch) {
    const NumberRange removed = entry.remove.value_or(NumberRange{1, 0});
    line.insert(line.end(), {entry.key, std::to_string(entry.expected),
                             std::to_string(static_cast<int>(entry.write)), entry.record,
                             std::to_string(removed.first), std::to_string(removed.last),
                             std::to_string(entry.put.size())});
    for (const Attachment& put : entry.put) {
      line.insert(line.end(), {std::to_string(put.number), put.bytes});
    }
  }
  return line;
}

// outcome <commit>, and for each entry the revision; empty: it was not applied.
DiaryLine outcome(const std::string& commit, const std::vector<Outcome>& outcomes) {
  DiaryLine line{"outcome", commit};
  for (const Outcome& each : outcomes) {
    const auto* applied = std::get_if<Applied>(&each);
    line.push_back(applied != nullptr ? std::to_string(applied->revision) : "");
  }
  return line;
}

}  // namespace

WitnessedStore::WitnessedStore(std::unique_ptr<Store> store, BlackBox& box)
    : box_(box), store_(std::move(store)) {}

void WitnessedStore::load(LoadSink sink) {
  store_->load({.chunk = std::move(sink.chunk),
                .done = [this, done = std::move(sink.done)](absl::StatusOr<Position> position) {
                  box_.reach_alone("store.load.done");
                  done(std::move(position));
                }});
}

void WitnessedStore::watch(Position from, FeedSink sink) {
  store_->watch(from, {.changes =
                           [this, show = std::move(sink.changes)](std::vector<Change> changes,
                                                                  Position through) {
                             box_.reach_alone("store.feed.before");
                             show(std::move(changes), through);
                             box_.reach_alone("store.feed.after");
                           },
                       .resync = std::move(sink.resync)});
}

void WitnessedStore::commit(Batch batch, std::function<void(std::vector<Outcome>)> done) {
  const std::string number = std::to_string(++commits_);
  {
    BlackBox::Hold hold(box_);
    hold.note(asked(number, batch));
    hold.reach("store.commit.before");
  }
  store_->commit(std::move(batch),
                 [this, number, done = std::move(done)](std::vector<Outcome> outcomes) {
                   {
                     BlackBox::Hold hold(box_);
                     hold.reach("store.outcome.before");
                     hold.note(outcome(number, outcomes));
                     hold.reach("store.outcome.after");
                   }
                   done(std::move(outcomes));
                   box_.reach_alone("store.outcome.told");
                 });
  box_.reach_alone("store.commit.after");
}

void WitnessedStore::read(
    std::vector<ReadRequest> requests,
    std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)> done) {
  store_->read(std::move(requests), std::move(done));
}

}  // namespace interlock
