#include "coordinator/move/store_calls.h"

#include <chrono>
#include <future>
#include <memory>
#include <utility>

namespace interlock {
namespace {

constexpr std::chrono::minutes kPatience{10};  // for a load of everything
constexpr std::uint32_t kAttachmentsAtOnce = 64;

// The promise is shared with the callback, which may come after the waiting has been given up.
template <class Answer>
absl::StatusOr<Answer> await(std::future<absl::StatusOr<Answer>> answer) {
  if (answer.wait_for(kPatience) != std::future_status::ready) {
    return absl::DeadlineExceededError("The store has not answered within 10 minutes.");
  }
  return answer.get();
}

}  // namespace

absl::StatusOr<std::map<std::string, Versioned>> load_all(Store& store) {
  using Records = std::map<std::string, Versioned>;
  auto records = std::make_shared<Records>();
  auto done = std::make_shared<std::promise<absl::StatusOr<Records>>>();
  store.load({.chunk =
                  [records](std::vector<LoadedRecord> chunk) {
                    for (LoadedRecord& one : chunk) {
                      (*records)[std::move(one.key)] = std::move(one.record);
                    }
                  },
              .done =
                  [records, done](absl::StatusOr<Position> position) {
                    if (position.ok()) {
                      done->set_value(std::move(*records));
                    } else {
                      done->set_value(position.status());
                    }
                  }});
  return await(done->get_future());
}

absl::StatusOr<std::vector<Outcome>> commit_all(Store& store, Batch batch) {
  auto done = std::make_shared<std::promise<absl::StatusOr<std::vector<Outcome>>>>();
  store.commit(std::move(batch),
               [done](std::vector<Outcome> outcomes) { done->set_value(std::move(outcomes)); });
  return await(done->get_future());
}

absl::StatusOr<std::vector<Attachment>> read_all(Store& store, const std::string& key) {
  std::vector<Attachment> all;
  while (true) {
    using Lists = std::vector<std::vector<Attachment>>;
    auto done = std::make_shared<std::promise<absl::StatusOr<Lists>>>();
    const std::uint64_t from = all.empty() ? 0 : all.back().number + 1;
    store.read({{.key = key, .from = from, .limit = kAttachmentsAtOnce}},
               [done](absl::StatusOr<Lists> lists) { done->set_value(std::move(lists)); });
    absl::StatusOr<Lists> lists = await(done->get_future());
    if (!lists.ok()) return lists.status();
    if (lists->front().empty()) return all;
    for (Attachment& one : lists->front()) all.push_back(std::move(one));
  }
}

}  // namespace interlock
