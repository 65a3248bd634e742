#include "coordinator/store/postgres/writer.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "coordinator/store/postgres/failures.h"
#include "coordinator/store/postgres/parameters.h"
#include "coordinator/store/postgres/sql.h"

namespace interlock::postgres {
namespace {

constexpr std::size_t kUnderWayMax = 8;      // batches in the pipeline
constexpr std::size_t kWaitingMax = 10'000;  // batches that wait; one more fails
constexpr std::chrono::milliseconds kReconnectAfter{200};
constexpr std::chrono::milliseconds kIdle{60'000};
constexpr const char* kStatement = "interlock_commit";

std::string message_of(PGconn* connection) {
  std::string text = PQerrorMessage(connection);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? "the connection ended" : text;
}

std::vector<std::string> parameters_of(const Batch& batch) {
  BinaryArray keys = BinaryArray::of_bytes(), records = BinaryArray::of_bytes();
  BinaryArray expected = BinaryArray::of_int64(), kinds = BinaryArray::of_int16();
  BinaryArray first = BinaryArray::of_int64(), last = BinaryArray::of_int64();
  BinaryArray put_entry = BinaryArray::of_int32(), put_number = BinaryArray::of_int64();
  BinaryArray put_bytes = BinaryArray::of_bytes();
  std::int32_t number = 0;
  for (const Entry& entry : batch) {
    ++number;
    keys.add_bytes(entry.key);
    expected.add_int64(static_cast<std::int64_t>(entry.expected));
    kinds.add_int16(static_cast<std::int16_t>(entry.write == Write::kPut      ? 0
                                              : entry.write == Write::kDelete ? 1
                                                                              : 2));
    const bool put = entry.write == Write::kPut;
    records.add_bytes(put ? entry.record : std::string_view());
    const bool remove = put && entry.remove.has_value();
    first.add_int64(remove ? std::optional(ordered(entry.remove->first)) : std::nullopt);
    last.add_int64(remove ? std::optional(ordered(entry.remove->last)) : std::nullopt);
    if (!put) continue;
    for (const Attachment& attachment : entry.put) {
      put_entry.add_int32(number);
      put_number.add_int64(ordered(attachment.number));
      put_bytes.add_bytes(attachment.bytes);
    }
  }
  return {keys.take(), expected.take(),  kinds.take(),      records.take(),  first.take(),
          last.take(), put_entry.take(), put_number.take(), put_bytes.take()};
}

// Before the transaction has committed its outcomes are worth nothing, also as a position: a
// primary that dies in between takes them along.
std::uint64_t latest_of(const std::vector<Outcome>& outcomes) {
  std::uint64_t latest = 0;
  for (const Outcome& outcome : outcomes) {
    if (const auto* applied = std::get_if<Applied>(&outcome)) {
      latest = std::max(latest, applied->at.value);
    } else if (const auto* refused = std::get_if<Refused>(&outcome)) {
      latest = std::max(latest, refused->at.value);
    }
  }
  return latest;
}

}  // namespace

Writer::Writer(const ConnectionSettings& settings, Lineage& lineage)
    : settings_(settings), lineage_(lineage), thread_([this] { run(); }) {}

Writer::~Writer() {
  wakeup_.stop();
  thread_.join();
}

void Writer::commit(Batch batch, absl::Status checked, CommitDone done) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kWaitingMax && checked.ok()) {
      checked = absl::ResourceExhaustedError("The store's queue of commits is full.");
    }
    waiting_.push_back({std::move(batch), std::move(checked), std::move(done)});
  }
  wakeup_.wake();
}

void Writer::run() {
  while (!wakeup_.stopped()) {
    if (connection_ == nullptr && Clock::now() >= connect_at_) connect();
    send_waiting();
    if (connection_ == nullptr) {
      wakeup_.wait(-1, 0, connect_at_);
      continue;
    }
    const bool flushed = PQflush(connection_->get()) == 0;
    const auto until = under_way_.empty() ? Clock::now() + kIdle
                                          : under_way_.front().sent_at + settings_.answer_timeout;
    wakeup_.wait(PQsocket(connection_->get()),
                 static_cast<short>(flushed ? POLLIN : POLLIN | POLLOUT), until);
    receive();
  }
  give_up("The store is being closed.");
}

void Writer::connect() {
  auto opened = Connection::open(settings_, wakeup_, lineage_);
  connect_at_ = Clock::now() + kReconnectAfter;
  if (!opened.ok()) {
    away_ = opened.status();
    return;
  }
  connection_ = *std::move(opened);
  PGconn* raw = connection_->get();
  const auto note = [](void* self, const PGresult* notice) {
    const char* state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    const char* text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    auto& under_way = static_cast<Writer*>(self)->under_way_;
    if (state == nullptr || text == nullptr || under_way.empty()) return;
    if (leaves_in_doubt(state, text)) under_way.front().doubted = true;
  };
  PQsetNoticeReceiver(raw, note, this);
  if (PQenterPipelineMode(raw) != 1 || PQsendPrepare(raw, kStatement, kCommit, 0, nullptr) != 1 ||
      PQpipelineSync(raw) != 1) {
    return give_up(message_of(raw));
  }
  under_way_.push_back({.sent_at = Clock::now()});  // of the preparation: it has no entries
}

void Writer::send_waiting() {
  while (under_way_.size() < kUnderWayMax) {
    Waiting next;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (next.checked.ok() && connection_ == nullptr) next.checked = away_;
    if (!next.checked.ok()) {
      next.done(std::vector<Outcome>(next.batch.size(), Failed{next.checked}));
    } else if (next.batch.empty()) {
      next.done({});
    } else if (!send(std::move(next))) {
      return give_up(message_of(connection_->get()));
    }
  }
}

bool Writer::send(Waiting waiting) {
  under_way_.push_back({.entries = waiting.batch.size(),
                        .done = std::move(waiting.done),
                        .sent_at = Clock::now(),
                        .outcomes = {},
                        .failure = {}});
  const std::vector<std::string> parameters = parameters_of(waiting.batch);
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const std::string& parameter : parameters) {
    values.push_back(parameter.data());
    lengths.push_back(static_cast<int>(parameter.size()));
  }
  const std::vector<int> formats(parameters.size(), 1);
  PGconn* raw = connection_->get();
  return PQsendQueryPrepared(raw, kStatement, static_cast<int>(values.size()), values.data(),
                             lengths.data(), formats.data(), 1) == 1 &&
         PQpipelineSync(raw) == 1;
}

void Writer::receive() {
  PGconn* raw = connection_->get();
  if (PQconsumeInput(raw) != 1) return give_up(message_of(raw));
  while (connection_ != nullptr && !under_way_.empty() && PQisBusy(raw) == 0) {
    PGresult* result = PQgetResult(raw);
    if (PQstatus(raw) != CONNECTION_OK) {
      PQclear(result);
      return give_up(message_of(raw));
    }
    if (result != nullptr) take(result);
  }
  if (connection_ != nullptr && !under_way_.empty() &&
      Clock::now() >= under_way_.front().sent_at + settings_.answer_timeout) {
    give_up("PostgreSQL has not answered a commit in time");
  }
}

// The transaction commits at the sync: only then is anything known, and a warning about the standby
// comes before it.
void Writer::take(PGresult* raw) {
  const Result result(raw);
  UnderWay& front = under_way_.front();
  switch (PQresultStatus(raw)) {
    case PGRES_PIPELINE_SYNC:
      return answer_front();
    case PGRES_TUPLES_OK:
      front.outcomes = outcomes_of(result, front.entries);
      return;
    case PGRES_FATAL_ERROR: {
      const char* state = PQresultErrorField(raw, PG_DIAG_SQLSTATE);
      front.failure = failure_of(state == nullptr ? "" : state,
                                 PQresultErrorField(raw, PG_DIAG_MESSAGE_PRIMARY));
      return;
    }
    default:
      return;
  }
}

void Writer::answer_front() {
  UnderWay ended = std::move(under_way_.front());
  under_way_.pop_front();
  if (!ended.done) {
    if (!ended.failure.ok()) give_up(std::string(ended.failure.message()));
    return;
  }
  if (ended.doubted) {
    const absl::Status reason = absl::UnavailableError("The synchronous standby may not have it.");
    ended.outcomes.assign(ended.entries, Unknown{reason});
  } else if (!ended.failure.ok()) {
    ended.outcomes.assign(ended.entries, Failed{ended.failure});
  } else if (ended.outcomes.size() != ended.entries) {
    const absl::Status reason = absl::InternalError("PostgreSQL answered something else.");
    ended.outcomes.assign(ended.entries, Unknown{reason});
  } else {
    lineage_.reached(latest_of(ended.outcomes));
  }
  ended.done(std::move(ended.outcomes));
}

std::vector<Outcome> Writer::outcomes_of(const Result& result, std::size_t entries) {
  if (static_cast<std::size_t>(result.rows()) != entries) return {};
  std::vector<Outcome> outcomes(entries);
  for (int row = 0; row < result.rows(); ++row) {
    const auto entry = static_cast<std::size_t>(int32_of(result.at(row, 0))) - 1;
    if (entry >= entries) return {};
    const bool applied = result.at(row, 1) == std::string_view("\1", 1);
    const auto revision = static_cast<Revision>(int64_of(result.at(row, 2)));
    const Position at{static_cast<std::uint64_t>(int64_of(result.at(row, 4)))};
    if (applied) {
      outcomes[entry] = Applied{revision, at};
    } else if (result.is_null(row, 3)) {
      outcomes[entry] = Refused{std::nullopt, at};
    } else {
      outcomes[entry] = Refused{Versioned{std::string(result.at(row, 3)), revision}, at};
    }
  }
  return outcomes;
}

// The connection is closed, and nothing that is under way is cancelled: it may still land.
void Writer::give_up(const std::string& why) {
  connection_.reset();
  away_ = absl::UnavailableError(why);
  connect_at_ = Clock::now();
  for (UnderWay& lost : std::exchange(under_way_, {})) {
    if (lost.done) lost.done(std::vector<Outcome>(lost.entries, Unknown{away_}));
  }
}

}  // namespace interlock::postgres
