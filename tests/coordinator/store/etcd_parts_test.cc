// What the etcd store decides, without an etcd.
#include <chrono>
#include <deque>

#include "coordinator/store/etcd/compaction.h"
#include "coordinator/store/etcd/failures.h"
#include "coordinator/store/etcd/layout.h"
#include "coordinator/store/etcd/packing.h"
#include "coordinator/store/etcd/settings.h"
#include "coordinator/store/etcd/space.h"
#include "coordinator/store/etcd/versions.h"
#include "coordinator/store/etcd/watch_response.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/coordinator/store/blocking.h"

namespace interlock::etcd {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// ---- the URL ----

Settings parsed(const std::string& url) {
  const auto settings = parse_url(url);
  EXPECT_TRUE(settings.ok()) << url << ": " << settings.status();
  return settings.ok() ? *settings : Settings{};
}

std::string refusal(const std::string& url) {
  const auto settings = parse_url(url);
  EXPECT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument) << url;
  return std::string(settings.status().message());
}

TEST(EtcdUrl, NamesMembersUserPrefixAndOptions) {
  const Settings plain = parsed("etcd://one,two:1234,[::1]:5,[::2]");
  EXPECT_THAT(plain.endpoints, ElementsAre("one:2379", "two:1234", "[::1]:5", "[::2]:2379"));
  EXPECT_EQ(plain.prefix, "interlock/");
  EXPECT_EQ(plain.user, "");
  EXPECT_FALSE(plain.tls);

  const Settings all = parsed(
      "etcd://me%40home:p%3Aw%2F@h/a/b/?ca_file=/c.pem&keep_s=60&max_txn_ops=512&"
      "quota_bytes=8589934592&timeout_ms=500&max_request_bytes=10485760&txns_under_way_max=4&"
      "room_low_percent=90&tls=on");
  EXPECT_EQ(all.user, "me@home");
  EXPECT_EQ(all.password, "p:w/");
  EXPECT_EQ(all.prefix, "a/b/");
  EXPECT_TRUE(all.tls);
  EXPECT_EQ(all.ca_file, "/c.pem");
  EXPECT_EQ(all.keep, 60s);
  EXPECT_EQ(all.max_txn_ops, 512u);
  EXPECT_EQ(all.max_request_bytes, 10'485'760u);
  EXPECT_EQ(all.quota_bytes, 8'589'934'592u);
  EXPECT_EQ(all.timeout, 500ms);
  EXPECT_EQ(all.txns_under_way_max, 4u);
  EXPECT_EQ(all.room_low_percent, 90u);
  EXPECT_TRUE(parsed("etcd://h?ca_file=/c.pem").tls) << "a file implies it";
}

TEST(EtcdUrl, WhatIsWrongIsSaidWithoutThePassword) {
  EXPECT_THAT(refusal("etcd://"), HasSubstr("names no member"));
  EXPECT_THAT(refusal("etcd://a:x"), HasSubstr("'a:x'"));
  EXPECT_THAT(refusal("etcd://a,,b"), HasSubstr("''"));
  EXPECT_THAT(refusal("etcd://:secret@a"), AllOf(HasSubstr("no user"), Not(HasSubstr("secret"))));
  EXPECT_THAT(refusal("etcd://me:sec%ret@a"), AllOf(HasSubstr("%25"), Not(HasSubstr("sec%"))));
  EXPECT_THAT(refusal("etcd://a?keep=1"), AllOf(HasSubstr("'keep'"), HasSubstr("keep_s")));
  EXPECT_THAT(refusal("etcd://a?timeout_ms=0"), HasSubstr("timeout_ms"));
  EXPECT_THAT(refusal("etcd://a?max_txn_ops=12x"), HasSubstr("max_txn_ops"));
  EXPECT_THAT(refusal("etcd://a?cert_file=/x"), HasSubstr("key_file"));
  EXPECT_THAT(refusal("etcd://a/" + std::string(300, 'p')), HasSubstr("at most 256"));
}

// ---- keys ----

TEST(EtcdLayout, AttachmentsLieInTheirOrderAndApartFromThoseOfOtherKeys) {
  const Layout layout("p/");
  EXPECT_LT(layout.attachment("k", 255), layout.attachment("k", 256));
  const KeyRange all = layout.attachments("k");
  EXPECT_LE(all.begin, layout.attachment("k", 0));
  EXPECT_LT(layout.attachment("k", UINT64_MAX), all.end);
  // A key that continues this one, even as a number would.
  for (const std::string& other :
       {std::string("k2"), std::string("k\0", 2), std::string("j"), "k" + std::string(8, '\xff')}) {
    for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
      const std::string name = layout.attachment(other, number);
      EXPECT_TRUE(name < all.begin || name >= all.end) << other << " " << number;
    }
  }
  const KeyRange some = layout.attachments("k", {3, 5});
  EXPECT_LT(layout.attachment("k", 5), some.end);
  EXPECT_GE(layout.attachment("k", 6), some.end);
  EXPECT_EQ(layout.parse_number(layout.attachment("k", 0x0102030405060708)), 0x0102030405060708u);
}

TEST(EtcdLayout, RecordsAreWatchedWithWhatIsAboutTheStoreAndWithoutAttachments) {
  const Layout layout("p/");
  EXPECT_EQ(layout.parse_record(layout.record("a\xff")), "a\xff");
  EXPECT_EQ(layout.parse_record(layout.touched()), std::nullopt);
  EXPECT_EQ(layout.parse_record("q/rkey"), std::nullopt);
  const auto in = [](const KeyRange& range, const std::string& key) {
    return range.begin <= key && key < range.end;
  };
  EXPECT_TRUE(in(layout.records(), layout.record("\xff\xff")));
  EXPECT_FALSE(in(layout.records(), layout.touched()));
  EXPECT_TRUE(in(layout.watched(), layout.record("\xff\xff")));
  EXPECT_TRUE(in(layout.watched(), layout.touched()));
  EXPECT_TRUE(in(layout.watched(), layout.compacted()));
  EXPECT_FALSE(in(layout.watched(), layout.attachment("k", 1)));
}

// ---- packing ----

const Layout& layout() {
  static const Layout one("p/");
  return one;
}

TEST(EtcdPacking, AChildComparesWritesAndReadsWhatStandsThere) {
  const Child child = make_child(layout(), put("k", 7, "record", {{5, "five"}}, NumberRange{1, 3}));
  ASSERT_EQ(child.txn.compare_size(), 1);
  EXPECT_EQ(child.txn.compare(0).target(), etcdserverpb::Compare::MOD);
  EXPECT_EQ(child.txn.compare(0).key(), layout().record("k"));
  EXPECT_EQ(child.txn.compare(0).mod_revision(), 7);
  ASSERT_EQ(child.txn.success_size(), 3);
  EXPECT_EQ(child.txn.success(0).request_put().value(), "record");
  EXPECT_EQ(child.txn.success(1).request_delete_range().key(), layout().attachment("k", 1));
  EXPECT_EQ(child.txn.success(2).request_put().key(), layout().attachment("k", 5));
  ASSERT_EQ(child.txn.failure_size(), 1);
  EXPECT_EQ(child.txn.failure(0).request_range().key(), layout().record("k"));
  EXPECT_EQ(child.operations, 3u);
  EXPECT_EQ(make_child(layout(), compare("k", 7)).operations, 1u);
  EXPECT_EQ(make_child(layout(), erase("k", 7)).txn.success_size(), 2);
}

// etcd refuses to delete and put one key in one Txn.
TEST(EtcdPacking, ARemovalLeavesOutWhatIsPut) {
  const auto removed = [](std::vector<std::uint64_t> puts, NumberRange range) {
    Entry entry = put("k", 1, "r", {}, range);
    for (const std::uint64_t number : puts) entry.put.push_back({number, "x"});
    std::vector<NumberRange> ranges;
    const Child child = make_child(layout(), entry);
    for (const auto& operation : child.txn.success()) {
      if (!operation.has_request_delete_range()) continue;
      const auto& range = operation.request_delete_range();
      ranges.push_back(
          {layout().parse_number(range.key()),
           layout().parse_number(range.range_end().substr(0, range.range_end().size() - 1))});
    }
    EXPECT_LE(child.operations, operations_max({}));
    return ranges;
  };
  using R = NumberRange;
  EXPECT_THAT(removed({9}, {1, 5}), ElementsAre(R{1, 5}));
  EXPECT_THAT(removed({3}, {1, 5}), ElementsAre(R{1, 2}, R{4, 5}));
  EXPECT_THAT(removed({5, 1, 2}, {1, 5}), ElementsAre(R{3, 4}));
  EXPECT_THAT(removed({1}, {1, 1}), IsEmpty());
  EXPECT_THAT(removed({UINT64_MAX, 0}, {0, UINT64_MAX}), ElementsAre(R{1, UINT64_MAX - 1}));
  std::vector<std::uint64_t> most;
  for (std::uint64_t i = 0; i < StoreLimits{}.entry_puts_max; ++i) most.push_back(10 + 2 * i);
  EXPECT_EQ(removed(most, {0, UINT64_MAX}).size(), most.size() + 1);
}

std::deque<Child> children(int count, std::size_t record_bytes, std::size_t puts) {
  std::deque<Child> made;
  for (int i = 0; i < count; ++i) {
    Entry entry = put("k" + std::to_string(i), 1, std::string(record_bytes, 'r'));
    for (std::uint64_t n = 0; n < puts; ++n) entry.put.push_back({n, "x"});
    made.push_back(make_child(layout(), std::move(entry)));
  }
  return made;
}

std::size_t packed(const std::deque<Child>& all, Budget budget) {
  Pack pack(budget);
  std::size_t count = 0;
  while (count < all.size() && pack.takes(all[count])) pack.add(all[count++]);
  return count;
}

TEST(EtcdPacking, ChildrenAndTheOperationsOfTheLargestAreWithinTheBudget) {
  const Budget budget{.operations = 128, .bytes = 1'572'864};
  EXPECT_EQ(packed(children(200, 10, 0), budget), 127u);
  EXPECT_EQ(packed(children(200, 10, 7), budget), 120u);
  std::deque<Child> mixed = children(100, 10, 0);
  for (Child& large : children(1, 10, 16)) {
    large.key = "other";
    mixed.push_back(std::move(large));
  }
  EXPECT_EQ(packed(mixed, budget), 101u);
  EXPECT_EQ(packed(mixed, {.operations = 117, .bytes = 1'572'864}), 100u) << "101 + 17 > 117";
}

TEST(EtcdPacking, ARequestIsWithinItsSizeAndNamesAKeyOnce) {
  const std::deque<Child> large = children(5, 400 * 1024, 0);
  EXPECT_EQ(packed(large, {.operations = 128, .bytes = 1'572'864}), 3u);
  EXPECT_EQ(packed(large, {.operations = 128, .bytes = 1'000}), 1u) << "one always goes";
  std::deque<Child> twice = children(1, 10, 0);
  twice.push_back(make_child(layout(), compare("k0", 3)));
  EXPECT_EQ(packed(twice, {.operations = 128, .bytes = 1'572'864}), 1u);
}

// ---- failures ----

TEST(EtcdFailures, OnlyWhatWasRefusedBeforeItWasProposedIsSurelyNotApplied) {
  const auto verdict = [](int code, const char* message) {
    return failure_of(code, message).verdict;
  };
  EXPECT_EQ(verdict(14, "etcdserver: no leader"), Verdict::kNextMember);
  EXPECT_EQ(verdict(14, "failed to connect to all addresses; last error: refused"),
            Verdict::kNextMember);
  EXPECT_EQ(verdict(2, "etcdserver: too many requests"), Verdict::kFailed);
  EXPECT_EQ(verdict(2, "raft proposal dropped"), Verdict::kFailed);
  EXPECT_EQ(verdict(16, "etcdserver: invalid auth token"), Verdict::kToken);
  EXPECT_EQ(verdict(3, "etcdserver: request is too large"), Verdict::kChildAtFault);
  EXPECT_EQ(verdict(7, "etcdserver: permission denied"), Verdict::kChildAtFault);
  EXPECT_EQ(verdict(3, "etcdserver: something new about the request"), Verdict::kChildAtFault);
  // These may come behind the proposal.
  for (const char* message :
       {"etcdserver: request timed out", "etcdserver: server stopped", "Socket closed",
        "etcdserver: request timed out, possibly due to previous leader failure",
        "etcdserver: leader changed", "keepalive watchdog timeout", "something new"}) {
    EXPECT_EQ(verdict(14, message), Verdict::kUnknown) << message;
  }
  EXPECT_EQ(verdict(4, "Deadline Exceeded"), Verdict::kUnknown);
  EXPECT_EQ(verdict(1, "CANCELLED"), Verdict::kUnknown);
  // An applier says so after it has applied the Txn.
  EXPECT_EQ(verdict(8, "etcdserver: mvcc: database space exceeded"), Verdict::kUnknown);
}

TEST(EtcdFailures, ASentenceSaysWhatToDo) {
  const auto sentence = [](int code, const char* message) {
    return std::string(failure_of(code, message).reason.message());
  };
  EXPECT_THAT(sentence(3, "etcdserver: too many operations in txn request"),
              HasSubstr("max_txn_ops in --store"));
  EXPECT_THAT(sentence(8, "etcdserver: mvcc: database space exceeded"),
              HasSubstr("--quota-backend-bytes"));
  EXPECT_THAT(sentence(12, "unknown service etcdserverpb.KV"), HasSubstr("no etcd"));
  EXPECT_TRUE(points_at_member(failure_of(4, "Deadline Exceeded")));
  EXPECT_TRUE(points_at_member(failure_of(14, "etcdserver: no leader")));
  EXPECT_FALSE(points_at_member(failure_of(3, "etcdserver: request is too large")));
}

// ---- versions ----

TEST(EtcdVersions, TheKnownFaultsAreNamed) {
  EXPECT_THAT(version_warning("3.4.23"),
              AllOf(HasSubstr("#15247"), HasSubstr("#20616"), HasSubstr("nested"),
                    HasSubstr("no longer maintained"), HasSubstr("Run 3.5.30")));
  EXPECT_THAT(version_warning("3.5.1"), HasSubstr("#13766"));
  EXPECT_THAT(version_warning("3.5.13"), AllOf(Not(HasSubstr("#15247")), HasSubstr("#20616")));
  EXPECT_THAT(version_bugs("3.5.29"), ElementsAre(HasSubstr("nested")));
  EXPECT_THAT(version_bugs("3.6.10"), ElementsAre(HasSubstr("nested")));
  EXPECT_THAT(version_bugs("3.6.0-rc.1"), testing::SizeIs(2));
  for (const char* good : {"3.5.30", "3.6.11", "3.7.0", "4.0.0"}) {
    EXPECT_EQ(version_warning(good), "") << good;
    EXPECT_TRUE(check_version(good).ok()) << good;
  }
  for (const char* old : {"3.3.27", "2.3.8", "", "what"}) {
    EXPECT_THAT(std::string(check_version(old).message()), HasSubstr("too old")) << old;
  }
}

// ---- space ----

etcdserverpb::StatusResponse member(std::int64_t size, std::int64_t used,
                                    const std::string& error = "") {
  etcdserverpb::StatusResponse response;
  response.set_dbsize(size);
  response.set_dbsizeinuse(used);
  if (!error.empty()) response.add_errors(error);
  return response;
}

TEST(EtcdSpace, FromEightyHundredthsOnNothingNewIsTaken) {
  Settings settings;
  settings.quota_bytes = 1'000'000;
  const auto low = [&](std::int64_t used, bool was_low) {
    return space_of({member(10, 10), member(900'000, used)}, settings, was_low).low;
  };
  EXPECT_FALSE(low(799'999, false));
  ASSERT_TRUE(low(800'000, false));
  EXPECT_THAT(*low(800'000, false), AllOf(HasSubstr("nearly full"), HasSubstr("quota")));
  EXPECT_TRUE(low(750'000, true)) << "it does not flutter";
  EXPECT_FALSE(low(749'999, true));
  EXPECT_TRUE(space_of({member(900'000, 900'000)}, settings, false).full.ok());
  auto newer = member(900'000, 800'000);
  newer.set_dbsizequota(2'000'000);
  EXPECT_FALSE(space_of({newer}, settings, false).low) << "etcd 3.6 says its quota";
}

TEST(EtcdSpace, AlarmsAndAFullQuotaEndEverything) {
  const Settings settings;
  const auto full = [&](const etcdserverpb::StatusResponse& response) {
    return std::string(space_of({response}, settings, false).full.message());
  };
  EXPECT_THAT(full(member(1, 1, "memberID:1 alarm:NOSPACE ")), HasSubstr("etcdctl alarm disarm"));
  EXPECT_THAT(full(member(1, 1, "memberID:1 alarm:CORRUPT ")), HasSubstr("corrupt member"));
  EXPECT_THAT(full(member(2'147'483'648, 2'147'000'000)), HasSubstr("quota_bytes in --store"));
  EXPECT_EQ(full(member(2'147'483'648, 1'000)), "") << "free pages are used first";
  EXPECT_EQ(full(member(1, 1, "etcdserver: no leader")), "");
}

// ---- compaction ----

TEST(EtcdCompaction, OneCompactsAtATimeToWhatWasNewLongEnoughAgo) {
  Compaction compaction, other;
  const Compaction::Time start{};
  EXPECT_EQ(compaction.look(0, start, 60s), 0) << "the key is made";
  EXPECT_EQ(compaction.look(10, start, 60s), std::nullopt);
  EXPECT_EQ(compaction.look(10, start + 59s, 60s), std::nullopt);
  EXPECT_EQ(compaction.look(10, start + 60s, 60s), 10);
  // Somebody else was first.
  EXPECT_EQ(compaction.look(20, start + 61s, 60s), std::nullopt);
  EXPECT_EQ(compaction.look(20, start + 120s, 60s), std::nullopt);
  EXPECT_EQ(compaction.look(20, start + 121s, 60s), 20);
  // Who comes later knows nothing of the time before.
  EXPECT_EQ(other.look(20, start + 121s, 60s), std::nullopt);
}

// ---- the feed ----

TEST(EtcdWatch, OnlyEventsSayHowFarItHasCome) {
  etcdserverpb::WatchResponse response;
  response.mutable_header()->set_revision(99);
  response.set_created(true);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(read_watch_response(layout(), response)));
  response.set_created(false);
  const auto add = [&](const std::string& key, std::int64_t revision, bool deleted) {
    auto* event = response.add_events();
    event->mutable_kv()->set_key(key);
    event->mutable_kv()->set_mod_revision(revision);
    event->mutable_kv()->set_value("v");
    if (deleted) event->set_type(etcdserverpb::Event::DELETE);
  };
  add(layout().record("a"), 5, false);
  add(layout().record("b"), 6, true);
  add(layout().touched(), 7, false);
  const WatchNews news = read_watch_response(layout(), response);
  const auto& shown = std::get<Shown>(news);
  EXPECT_EQ(shown.through, Position{7});
  ASSERT_EQ(shown.changes.size(), 2u);
  EXPECT_EQ(shown.changes[0].bytes, "v");
  EXPECT_EQ(shown.changes[1].key, "b");
  EXPECT_EQ(shown.changes[1].revision, 6u);
  EXPECT_EQ(shown.changes[1].bytes, std::nullopt);
}

TEST(EtcdWatch, ACompactedPositionIsLostAndARefusedWatchIsNot) {
  etcdserverpb::WatchResponse response;
  response.set_canceled(true);
  response.set_compact_revision(50);
  const WatchNews lost = read_watch_response(layout(), response);
  EXPECT_THAT(std::string(std::get<Lost>(lost).reason.message()), HasSubstr("50"));
  response.set_compact_revision(0);
  response.set_cancel_reason("etcdserver: invalid auth token");
  const WatchNews refused = read_watch_response(layout(), response);
  EXPECT_EQ(std::get<Failure>(refused).verdict, Verdict::kToken);
}

}  // namespace
}  // namespace interlock::etcd
