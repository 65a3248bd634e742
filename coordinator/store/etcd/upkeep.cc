#include "coordinator/store/etcd/upkeep.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/log.h"
#include "coordinator/store/etcd/packing.h"
#include "coordinator/store/etcd/space.h"

namespace interlock::etcd {
namespace {

using etcdserverpb::CompactionRequest;
using etcdserverpb::CompactionResponse;
using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using etcdserverpb::StatusRequest;
using etcdserverpb::StatusResponse;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;
using std::chrono::milliseconds;

constexpr milliseconds kNudgeEvery{500};
constexpr milliseconds kCompactionLookMin{100};
constexpr milliseconds kCompactionLookMax{15'000};

}  // namespace

// Of all members, as they come.
struct Upkeep::Statuses {
  std::vector<StatusResponse> members;
  std::size_t missing = 0;
};

Upkeep::Upkeep(Client& client, Writer& writer, Feed& feed, const Layout& layout,
               const Settings& settings, Loop& loop)
    : client_(client),
      writer_(writer),
      feed_(feed),
      layout_(layout),
      settings_(settings),
      nudge_timer_(loop),
      space_timer_(loop),
      compaction_timer_(loop) {}

void Upkeep::start() {
  nudge();
  look_at_space();
  if (settings_.keep.count() > 0) look_at_compaction();
}

void Upkeep::stop() {
  nudge_timer_.cancel();
  space_timer_.cancel();
  compaction_timer_.cancel();
}

void Upkeep::nudge() {
  feed_.nudge(writer_.handed_out());
  nudge_timer_.set(kNudgeEvery, [this] { nudge(); });
}

// ---- space ----

void Upkeep::look_at_space() {
  auto statuses = std::make_shared<Statuses>();
  statuses->missing = client_.members();
  for (std::size_t member = 0; member < client_.members(); ++member) {
    client_.call<StatusRequest, StatusResponse>(
        status, {},
        [this, statuses](Reply<StatusRequest, StatusResponse> reply) {
          if (!reply.failure) statuses->members.push_back(std::move(reply.response));
          if (--statuses->missing > 0 || client_.stopping()) return;
          take_statuses(statuses->members);
          space_timer_.set(settings_.room_every, [this] { look_at_space(); });
        },
        member);
  }
}

void Upkeep::take_statuses(const std::vector<StatusResponse>& members) {
  if (members.empty()) return;  // nobody says that anything has changed
  const bool was_low = short_of_room().has_value();
  Space space = space_of(members, settings_, was_low);
  if (space.low && !was_low) log_warning(*space.low);
  if (!space.low && was_low) log_notice("The store has room again.");
  writer_.set_full(std::move(space.full));
  const std::lock_guard lock(mutex_);
  short_of_room_ = std::move(space.low);
}

std::optional<std::string> Upkeep::short_of_room() const {
  const std::lock_guard lock(mutex_);
  return short_of_room_;
}

// ---- compaction ----

milliseconds Upkeep::keep() const {
  return short_of_room() ? std::min(settings_.keep, settings_.keep_low) : settings_.keep;
}

void Upkeep::look_at_compaction() {
  RangeRequest request;
  request.set_key(layout_.compacted());
  client_.call<RangeRequest, RangeResponse>(
      range, std::move(request), [this](Reply<RangeRequest, RangeResponse> reply) {
        if (client_.stopping()) return;
        if (!reply.failure) {
          const bool there = reply.response.kvs_size() > 0;
          const auto turn = compaction_.look(there ? reply.response.kvs(0).mod_revision() : 0,
                                             std::chrono::steady_clock::now(), keep());
          if (turn) take_turn(*turn);
        }
        compaction_timer_.set(std::clamp(keep() / 4, kCompactionLookMin, kCompactionLookMax),
                              [this] { look_at_compaction(); });
      });
}

void Upkeep::take_turn(std::int64_t revision) {
  TxnRequest request = nested_put(layout_.compacted(), "");
  auto* compare = request.mutable_success(0)->mutable_request_txn()->add_compare();
  compare->set_target(etcdserverpb::Compare::MOD);
  compare->set_key(layout_.compacted());
  compare->set_mod_revision(revision);
  client_.call<TxnRequest, TxnResponse>(
      txn, std::move(request), [this, revision](Reply<TxnRequest, TxnResponse> reply) {
        const bool mine = !reply.failure && reply.response.responses_size() == 1 &&
                          reply.response.responses(0).response_txn().succeeded();
        if (mine && revision != 0) compact_to(revision);
      });
}

// Where this fails the next turn makes good for it.
void Upkeep::compact_to(std::int64_t revision) {
  CompactionRequest request;
  request.set_revision(revision);
  client_.call<CompactionRequest, CompactionResponse>(
      compact, std::move(request), [](const Reply<CompactionRequest, CompactionResponse>& reply) {
        if (reply.failure && reply.failure->verdict != Verdict::kFailed) {
          log_warning("etcd's history was not compacted.",
                      {{"reason", std::string(reply.failure->reason.message())}});
        }
      });
}

}  // namespace interlock::etcd
