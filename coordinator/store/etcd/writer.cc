#include "coordinator/store/etcd/writer.h"

#include <algorithm>
#include <utility>

namespace interlock::etcd {
namespace {

using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

constexpr std::size_t kWaitingBytesMax = 64 * 1024 * 1024;  // one commit more fails

}  // namespace

void Writer::commit(Batch batch, absl::Status checked, const CommitDone& done) {
  if (checked.ok()) checked = refusal();
  if (checked.ok() && waiting_bytes_ > kWaitingBytesMax) {
    checked = absl::ResourceExhaustedError("The store's queue of commits is full.");
  }
  if (!checked.ok() || batch.empty()) {
    done(std::vector<Outcome>(batch.size(), Failed{checked}));
    return;
  }
  auto pending = std::make_shared<Pending>();
  pending->outcomes.resize(batch.size());
  pending->missing = batch.size();
  pending->done = done;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    waiting_.push_back({make_child(layout_, std::move(batch[i])), pending, i, false});
    waiting_bytes_ += waiting_.back().child.bytes;
  }
  pump();
}

absl::Status Writer::refusal() const {
  if (client_.stopping()) return absl::CancelledError("The store is being closed.");
  if (!touch_.lost().ok()) return touch_.lost();
  return full_;
}

void Writer::pump() {
  while (!waiting_.empty() && under_way_ < settings_.txns_under_way_max) {
    Sent sent = take();
    if (const absl::Status refused = refusal(); !refused.ok()) {
      answer_all(sent, Failed{refused});
    } else {
      send(std::move(sent));
    }
  }
}

Writer::Sent Writer::take() {
  // The pack looks at keys, so what it has taken must not move.
  Pack pack({.operations = settings_.max_txn_ops, .bytes = settings_.max_request_bytes});
  std::size_t count = 0;
  while (count < waiting_.size() && pack.takes(waiting_[count].child)) {
    if (waiting_[count].alone && count > 0) break;
    pack.add(waiting_[count].child);
    if (waiting_[count++].alone) break;
  }
  Sent sent;
  sent.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    waiting_bytes_ -= waiting_.front().child.bytes;
    sent.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return sent;
}

void Writer::send(Sent sent) {
  TxnRequest request;
  request.mutable_success()->Reserve(static_cast<int>(sent.size()));
  for (Waiting& each : sent) {
    request.add_success()->mutable_request_txn()->Swap(&each.child.txn);
  }
  ++under_way_;
  client_.call<TxnRequest, TxnResponse>(
      txn, std::move(request),
      [this, sent = std::make_shared<Sent>(std::move(sent))](Reply<TxnRequest, TxnResponse> reply) {
        --under_way_;
        answered(std::move(*sent), std::move(reply));
        pump();
      });
}

void Writer::answered(Sent sent, Reply<TxnRequest, TxnResponse> reply) {
  if (!reply.failure) {
    if (absl::Status same = touch_.wrote(reply.response.header()); !same.ok()) {
      answer_all(sent, Unknown{same});
    } else {
      take_outcomes(sent, reply.response);
    }
    return;
  }
  const Failure& failure = *reply.failure;
  if (failure.verdict == Verdict::kChildAtFault && sent.size() > 1) {
    send_alone(std::move(sent), reply.request);
  } else if (failure.verdict == Verdict::kUnknown) {
    answer_all(sent, Unknown{failure.reason});
  } else {
    answer_all(sent, Failed{failure.reason});
  }
}

void Writer::send_alone(Sent sent, TxnRequest& request) {
  for (std::size_t i = sent.size(); i-- > 0;) {
    sent[i].child.txn.Swap(request.mutable_success(static_cast<int>(i))->mutable_request_txn());
    sent[i].alone = true;
    waiting_bytes_ += sent[i].child.bytes;
    waiting_.push_front(std::move(sent[i]));
  }
}

void Writer::take_outcomes(Sent& sent, TxnResponse& response) {
  if (static_cast<std::size_t>(response.responses_size()) != sent.size()) {
    answer_all(sent, Unknown{absl::InternalError("etcd answered something else than was asked.")});
    return;
  }
  const auto revision = static_cast<Revision>(response.header().revision());
  handed_out_ = std::max(handed_out_, Position{revision});
  for (std::size_t i = 0; i < sent.size(); ++i) {
    auto* child = response.mutable_responses(static_cast<int>(i))->mutable_response_txn();
    answer(sent[i], outcome_of(sent[i].child, *child, revision));
  }
}

void Writer::answer_all(Sent& sent, const Outcome& outcome) {
  for (const Waiting& each : sent) answer(each, outcome);
}

void Writer::answer(const Waiting& waiting, Outcome outcome) {
  Pending& commit = *waiting.commit;
  commit.outcomes[waiting.entry] = std::move(outcome);
  if (--commit.missing == 0) commit.done(std::move(commit.outcomes));
}

void Writer::stop() {
  for (const Waiting& each : std::exchange(waiting_, {})) {
    answer(each, Failed{absl::CancelledError("The store is being closed.")});
  }
}

}  // namespace interlock::etcd
