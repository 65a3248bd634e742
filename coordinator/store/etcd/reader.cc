#include "coordinator/store/etcd/reader.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

namespace interlock::etcd {
namespace {

using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

constexpr int kTriesMax = 5;  // while leaders change
// Of a page of a load. etcd counts all that follows for each page, so few large ones are best.
constexpr std::int64_t kPageRecordsMax = 16 * kLoadChunkRecords;
constexpr std::size_t kPageBytes = 2 * 1024 * 1024;  // smaller ones are doubled, larger ones halved

}  // namespace

struct Reader::Reading {
  std::vector<ReadRequest> requests;
  ReadDone done;
  std::vector<std::vector<Attachment>> lists;  // of the first requests
  std::vector<std::size_t> asked;  // requests of the Txn that is under way
  int tries = 0;

  void fail(absl::Status reason) { done(std::move(reason)); }
};

struct Reader::Loading {
  LoadSink sink;
  std::string next;
  std::int64_t revision = 0;  // 0: not yet known
  std::int64_t page_records = kLoadChunkRecords;
  int tries = 0;

  void fail(absl::Status reason) { sink.done(std::move(reason)); }
};

template <class Task>
void Reader::write_first(const std::shared_ptr<Task>& task,
                         void (Reader::*again)(const std::shared_ptr<Task>&)) {
  if (++task->tries > kTriesMax) {
    task->fail(absl::UnavailableError("etcd changes its leader again and again."));
    return;
  }
  touch_.make([this, task, again](const absl::StatusOr<etcdserverpb::ResponseHeader>& header) {
    if (!header.ok()) return task->fail(header.status());
    (this->*again)(task);
  });
}

void Reader::read(std::vector<ReadRequest> requests, ReadDone done) {
  auto reading = std::make_shared<Reading>();
  reading->lists.reserve(requests.size());
  reading->requests = std::move(requests);
  reading->done = std::move(done);
  read_some(reading);
}

void Reader::read_some(const std::shared_ptr<Reading>& reading) {
  TxnRequest request;
  const std::size_t ranges_max = settings_.max_txn_ops;
  reading->asked.clear();
  for (std::size_t i = reading->lists.size(); i < reading->requests.size(); ++i) {
    const ReadRequest& each = reading->requests[i];
    if (static_cast<std::size_t>(request.success_size()) == ranges_max) break;
    reading->asked.push_back(i);
    if (each.limit == 0) continue;  // to etcd that would mean all
    KeyRange range = layout_.attachments(each.key, {each.from, UINT64_MAX});
    auto* asked = request.add_success()->mutable_request_range();
    asked->set_key(std::move(range.begin));
    asked->set_range_end(std::move(range.end));
    asked->set_limit(each.limit);
  }
  if (reading->asked.empty()) return reading->done(std::move(reading->lists));
  if (request.success_size() == 0) {
    reading->lists.resize(reading->requests.size());
    return reading->done(std::move(reading->lists));
  }
  client_.call<TxnRequest, TxnResponse>(
      txn, std::move(request), [this, reading](Reply<TxnRequest, TxnResponse> reply) {
        if (reply.failure) return reading->fail(reply.failure->reason);
        if (!touch_.believes(reply.response.header())) {
          return write_first(reading, &Reader::read_some);
        }
        if (!take_lists(*reading, reply.response)) {
          return reading->fail(absl::InternalError("etcd answered something else than was asked."));
        }
        read_some(reading);
      });
}

bool Reader::take_lists(Reading& reading, TxnResponse& response) {
  int next = 0;
  for (const std::size_t request : reading.asked) {
    std::vector<Attachment> list;
    if (reading.requests[request].limit != 0) {
      if (next == response.responses_size()) return false;
      auto* range = response.mutable_responses(next++)->mutable_response_range();
      list.reserve(static_cast<std::size_t>(range->kvs_size()));
      for (auto& kv : *range->mutable_kvs()) {
        list.push_back({layout_.parse_number(kv.key()), std::move(*kv.mutable_value())});
      }
    }
    reading.lists.push_back(std::move(list));
  }
  return next == response.responses_size();
}

void Reader::load(LoadSink sink) {
  auto loading = std::make_shared<Loading>();
  loading->sink = std::move(sink);
  loading->next = layout_.records().begin;
  load_page(loading);
}

void Reader::load_page(const std::shared_ptr<Loading>& loading) {
  RangeRequest request;
  request.set_key(loading->next);
  request.set_range_end(layout_.records().end);
  request.set_limit(loading->page_records);
  request.set_revision(loading->revision);
  client_.call<RangeRequest, RangeResponse>(
      range, std::move(request), [this, loading](Reply<RangeRequest, RangeResponse> reply) {
        if (reply.failure) return loading->fail(reply.failure->reason);
        if (!touch_.believes(reply.response.header())) {
          return write_first(loading, &Reader::load_page);
        }
        take_page(loading, reply.response);
      });
}

void Reader::take_page(const std::shared_ptr<Loading>& loading, RangeResponse& response) {
  if (loading->revision == 0) loading->revision = response.header().revision();
  std::vector<LoadedRecord> chunk;
  std::size_t bytes = 0;
  if (response.kvs_size() > 0) {
    loading->next = response.kvs(response.kvs_size() - 1).key() + '\0';
  }
  for (auto& kv : *response.mutable_kvs()) {
    const auto key = layout_.parse_record(kv.key());
    if (!key) continue;
    bytes += kv.key().size() + kv.value().size();
    chunk.push_back({std::string(*key),
                     {std::move(*kv.mutable_value()), static_cast<Revision>(kv.mod_revision())}});
    if (chunk.size() == kLoadChunkRecords) loading->sink.chunk(std::exchange(chunk, {}));
  }
  if (!chunk.empty()) loading->sink.chunk(std::move(chunk));
  if (!response.more()) {
    loading->sink.done(Position{static_cast<std::uint64_t>(loading->revision)});
    return;
  }
  loading->page_records = bytes < kPageBytes ? std::min(loading->page_records * 2, kPageRecordsMax)
                                             : std::max<std::int64_t>(loading->page_records / 2, 1);
  load_page(loading);
}

}  // namespace interlock::etcd
