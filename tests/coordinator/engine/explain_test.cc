#include "coordinator/engine/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "interlock/v1/admin.pb.h"

namespace interlock {
namespace {

using testing::HasSubstr;

constexpr Tick kNow = 1'000;

struct Case {
  Case() {
    seen.key = "alice:tab1";
    seen.record.state = State::kProcessingReady;
    seen.record.generation = 7;
    seen.record.owner = "gateway-1";
    seen.record.changed_tick = kNow - 12;
    seen.owner_attached = true;
    context.tick = kNow;
    context.owner_lease = Lease{.renewed_tick = kNow, .address = "", .unknown = {}};
  }
  Case& state(State state, bool owned = true) {
    seen.record.state = state;
    if (!owned) seen.record.owner.clear();
    return *this;
  }
  std::vector<Finding> findings() const { return explain(seen, context); }

  SeenConnection seen;
  ExplainContext context;
};

// The text of what was found, or nothing.
std::string text_of(const std::vector<Finding>& findings, Why why) {
  for (const Finding& finding : findings) {
    if (finding.why == why) return finding.text;
  }
  return {};
}

std::set<Why> shown;  // by all tests

void expect(const std::vector<Finding>& findings, Why why, const std::string& part) {
  EXPECT_THAT(text_of(findings, why), HasSubstr(part));
  if (!text_of(findings, why).empty()) shown.insert(why);
}

TEST(Explain, EveryState) {
  expect(explain(std::nullopt, {}), Why::kUnknownKey, "no record of this key");
  expect(Case().findings(), Why::kHeldByGateway, "Gateway gateway-1 holds it, PROCESSING_READY");
  expect(Case().state(State::kConnecting).findings(), Why::kWaitingForSetup, "in 18 s it fails");
  expect(Case().state(State::kServicesReady).findings(), Why::kWaitingForSetup, "has answered");
  expect(Case().state(State::kAuthenticated).findings(), Why::kWaitingForBackendOpen,
         "has not answered Open for 12 s; in 18 s");
  expect(Case().state(State::kReconnecting, false).findings(), Why::kWaitingForClient,
         "waited for its client for 12 s; in 108 s it ends");
  expect(Case().state(State::kReconnecting).findings(), Why::kWaitingForResume,
         "back through gateway gateway-1");
  expect(Case().state(State::kDegraded).findings(), Why::kBehindOpenBreaker,
         "the backend 12 s ago");
  expect(Case().state(State::kClosing).findings(), Why::kBeingClosed, "in 18 s");
  expect(Case().state(State::kClosed, false).findings(), Why::kEnded, "begins a new sequence");
  expect(Case().state(State::kFailed, false).findings(), Why::kEnded, "goes on with its sequence");
}

TEST(Explain, WhatHangsOnIt) {
  Case orphaned;
  orphaned.seen.orphaned = true;
  expect(orphaned.findings(), Why::kOrphaned, "has lost its lease");
  EXPECT_EQ(text_of(orphaned.findings(), Why::kHeldByGateway), "") << "nobody holds an orphan";

  Case elsewhere;
  elsewhere.seen.owner_attached = false;
  expect(elsewhere.findings(), Why::kOwnerElsewhere, "not attached to this coordinator");

  Case drained;
  drained.context.owner_lease->draining_per_s = 50;
  expect(drained.findings(), Why::kGatewayDraining, "50 connections a second");

  Case away;
  away.context.store_away = true;
  expect(away.findings(), Why::kStoreIsAway, "The store is away");
  EXPECT_EQ(away.findings().front().why, Why::kStoreIsAway) << "it comes first";

  Case full;
  full.context.no_room = "etcd's quota is nearly used up.";
  expect(full.findings(), Why::kStoreIsFull, "etcd's quota");

  Case outbox;
  outbox.seen.record.last_sequence = 1'000;
  expect(outbox.findings(), Why::kOutboxFull, "acknowledges event 1");
  outbox.seen.record.acknowledged = 999;
  outbox.seen.record.outbox_since_tick = kNow - 5;
  expect(outbox.findings(), Why::kUnacknowledged, "1 event waits for the client's acknowledgement");
  EXPECT_EQ(text_of(outbox.findings(), Why::kOutboxFull), "");

  Case flapping;
  flapping.context.takeover_after_ms = 6'000;
  expect(flapping.findings(), Why::kTakeoversDamped, "refused for 6 s");

  Case barred;
  barred.state(State::kClosed, false);
  barred.seen.record.kick = Kick{4502, false, 7, {}};
  expect(barred.findings(), Why::kBarred, "with may_return");

  Case owed;
  owed.state(State::kClosed, false);
  owed.seen.record.closed_pending = 7;
  expect(owed.findings(), Why::kBackendNotTold, "has not confirmed Closed");

  Case run;
  run.seen.record.runs.push_back({.name = "r", .open = true, .unknown = {}});
  expect(run.findings(), Why::kRunOpen, "1 agent run is open");
}

// After the others: every name of the enumeration has been explained, and is the wire's.
TEST(ExplainAtLast, NoReasonIsWithoutATest) {
  const auto* names = v1::Why_descriptor();
  for (int i = 0; i < names->value_count(); ++i) {
    const int number = names->value(i)->number();
    if (number == v1::WHY_UNSPECIFIED) continue;
    EXPECT_TRUE(shown.contains(static_cast<Why>(number))) << names->value(i)->name();
  }
  EXPECT_EQ(shown.size() + 1, static_cast<std::size_t>(names->value_count()));
  EXPECT_EQ(static_cast<int>(Why::kRunOpen), v1::RUN_OPEN);
  EXPECT_EQ(static_cast<int>(Why::kBarred), v1::BARRED);
  EXPECT_EQ(static_cast<int>(Why::kOrphaned), v1::ORPHANED);
}

}  // namespace
}  // namespace interlock
