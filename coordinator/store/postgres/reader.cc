#include "coordinator/store/postgres/reader.h"

#include <algorithm>
#include <utility>

#include "coordinator/store/postgres/parameters.h"
#include "coordinator/store/postgres/sql.h"

namespace interlock::postgres {
namespace {

constexpr std::uint32_t kAttachmentsMax = 100'000;  // of one request; the rest is asked for again

}  // namespace

Reader::Reader(const ConnectionSettings& settings, Lineage& lineage)
    : settings_(settings), lineage_(lineage), thread_([this] { run(); }) {}

Reader::~Reader() {
  wakeup_.stop();
  thread_.join();
}

void Reader::read(std::vector<ReadRequest> requests, ReadDone done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(Read{std::move(requests), std::move(done)});
  }
  wakeup_.wake();
}

void Reader::load(LoadSink sink) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(sink));
  }
  wakeup_.wake();
}

void Reader::run() {
  while (!wakeup_.stopped()) {
    std::deque<std::variant<Read, LoadSink>> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting = std::exchange(waiting_, {});
    }
    for (auto& one : waiting) {
      if (wakeup_.stopped()) return;
      std::visit([this](auto& what) { carry_out(what); }, one);
    }
    if (waiting.empty()) wakeup_.wait(-1, 0, Clock::now() + std::chrono::hours(1));
  }
}

// A connection that broke while nobody used it is noticed by the first that does, and reading twice
// does no harm.
template <class Answer, class Ask>
absl::StatusOr<Answer> Reader::twice(Ask ask) {
  absl::StatusOr<Answer> answer = absl::UnknownError("not asked");
  for (int attempt = 0; attempt < 2; ++attempt) {
    const bool fresh = connection_ == nullptr || connection_->broken();
    if (absl::Status connected = connect(); !connected.ok()) return connected;
    answer = ask();
    if (answer.ok() || fresh || !connection_->broken()) return answer;
  }
  return answer;
}

absl::Status Reader::connect() {
  if (connection_ != nullptr && !connection_->broken()) return absl::OkStatus();
  connection_.reset();
  auto opened = Connection::open(settings_, wakeup_, lineage_);
  if (!opened.ok()) return opened.status();
  connection_ = *std::move(opened);
  return absl::OkStatus();
}

void Reader::carry_out(Read& read) {
  auto lists = twice<std::vector<std::vector<Attachment>>>([&] { return attachments(read); });
  if (!wakeup_.stopped()) read.done(std::move(lists));
}

absl::StatusOr<std::vector<std::vector<Attachment>>> Reader::attachments(const Read& read) {
  BinaryArray keys = BinaryArray::of_bytes(), from = BinaryArray::of_int64();
  BinaryArray limits = BinaryArray::of_int32();
  for (const ReadRequest& request : read.requests) {
    keys.add_bytes(request.key);
    from.add_int64(ordered(request.from));
    limits.add_int32(static_cast<std::int32_t>(std::min(request.limit, kAttachmentsMax)));
  }
  const auto result = connection_->run(kRead, {keys.take(), from.take(), limits.take()});
  if (!result.ok()) return result.status();
  std::vector<std::vector<Attachment>> lists(read.requests.size());
  for (int row = 0; row < result->rows(); ++row) {
    const auto request = static_cast<std::size_t>(int32_of(result->at(row, 0))) - 1;
    lists.at(request).push_back(
        {number_of(int64_of(result->at(row, 1))), std::string(result->at(row, 2))});
  }
  return lists;
}

void Reader::carry_out(LoadSink& sink) {
  bool shown = false;  // something of it: then it cannot begin anew
  const auto position = twice<Position>([&]() -> absl::StatusOr<Position> {
    if (shown) return absl::UnavailableError("PostgreSQL went away during the load.");
    return records(sink, shown);
  });
  if (!wakeup_.stopped()) sink.done(position);
}

absl::StatusOr<Position> Reader::records(const LoadSink& sink, bool& shown) {
  if (const auto begun = connection_->run(kLoadBegin); !begun.ok()) return begun.status();
  const auto position = connection_->run(kLoadPosition);
  if (!position.ok()) return position.status();
  const auto declared = connection_->run(kLoadDeclare);
  if (!declared.ok()) return declared.status();
  while (true) {
    const auto rows = connection_->run(kLoadFetch);
    if (!rows.ok()) return rows.status();
    if (rows->rows() == 0) break;
    std::vector<LoadedRecord> chunk;
    for (int row = 0; row < rows->rows(); ++row) {
      chunk.push_back(
          {std::string(rows->at(row, 0)),
           {std::string(rows->at(row, 2)), static_cast<Revision>(int64_of(rows->at(row, 1)))}});
    }
    if (wakeup_.stopped()) return absl::AbortedError("The store is being closed.");
    shown = true;
    sink.chunk(std::move(chunk));
  }
  if (const auto ended = connection_->run(kLoadEnd); !ended.ok()) return ended.status();
  return Position{std::strtoull(std::string(position->at(0, 0)).c_str(), nullptr, 10)};
}

}  // namespace interlock::postgres
