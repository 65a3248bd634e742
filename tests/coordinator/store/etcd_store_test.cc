// The etcd store over a real etcd that is stopped, frozen, filled and compacted.
#include "coordinator/store/etcd_store.h"

#include <poll.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/coordinator/store/blocking.h"
#include "tests/coordinator/store/conformance.h"
#include "tests/coordinator/store/etcd_server.h"

namespace interlock {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

EtcdServer& server() {
  static EtcdServer one;
  return one;
}

std::unique_ptr<EtcdStore> open(const std::string& url) {
  auto store = EtcdStore::open(url);
  if (store.ok()) return *std::move(store);
  ADD_FAILURE() << store.status();
  return nullptr;
}

etcd::Settings settings_of(const std::string& url) { return *etcd::parse_url(url); }

std::unique_ptr<EtcdStore> open(const etcd::Settings& settings) {
  auto store = EtcdStore::open(settings);
  if (store.ok()) return *std::move(store);
  ADD_FAILURE() << store.status();
  return nullptr;
}

std::string refusal(const std::string& url) {
  const auto store = EtcdStore::open(url);
  return store.ok() ? "" : std::string(store.status().message());
}

template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    poll(nullptr, 0, 20);  // ms
  }
  return true;
}

bool is_applied(const Outcome& outcome) { return std::holds_alternative<Applied>(outcome); }
bool is_unknown(const Outcome& outcome) { return std::holds_alternative<Unknown>(outcome); }

// Writes until that is applied, settling what was in doubt.
Applied applied_at_last(Store& store, const std::string& key, const std::string& record) {
  Outcome outcome;
  Revision expected = kAbsent;
  EXPECT_TRUE(eventually([&] {
    outcome = commit(store, put(key, expected, record));
    if (const auto* refused = std::get_if<Refused>(&outcome)) {
      expected = refused->current ? refused->current->revision : kAbsent;
    }
    return is_applied(outcome);
  }));
  return applied(outcome);
}

// ---- at the start ----

TEST(EtcdStart, WhereNobodyListensTheAddressIsInDoubt) {
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(refusal("etcd://127.0.0.1:1,127.0.0.1:2"), HasSubstr("cannot be reached"));
  EXPECT_THAT(refusal("etcd://no-such-host.invalid"),
              AnyOf(HasSubstr("cannot be resolved"), HasSubstr("cannot be reached"),
                    HasSubstr("has not answered")));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST(EtcdStart, TlsAndNoTlsDoNotMeet) {
  EXPECT_THAT(refusal(server().url("tls=on")), HasSubstr("address, port and TLS"));
  EXPECT_THAT(refusal(server().url("ca_file=/nowhere/ca.pem")), HasSubstr("/nowhere/ca.pem"));
  EtcdServer encrypted({.tls = true});
  std::string last;
  EXPECT_TRUE(eventually([&] {
    last = refusal(encrypted.url("ca_file=" + encrypted.ca_file()));
    return last.empty();
  })) << last;
  EXPECT_NE(refusal(encrypted.url()), "");
  EXPECT_THAT(refusal(encrypted.url("tls=on")), HasSubstr("TLS")) << "signed by nobody known";
}

TEST(EtcdStart, WhatANewerBuildHasWrittenIsRefused) {
  const std::string prefix = server().make_prefix();
  server().put(prefix + "/mformat", "2");
  EXPECT_THAT(refusal(server().url("", "", prefix)), HasSubstr("newer coordinator"));
}

class EtcdUsers : public testing::Test {
 protected:
  EtcdUsers() {
    server_.run("role add root");
    server_.run("user add root:secret");
    server_.run("user grant-role root root");
    server_.run("role add interlock");
    server_.run("role grant-permission interlock --prefix=true readwrite mine/");
    server_.run("user add me:p%w@rd");
    server_.run("user grant-role me interlock");
    server_.run("auth enable");
  }
  std::string url(const std::string& user, const std::string& prefix = "mine") {
    return server_.url("", user, prefix);
  }

  EtcdServer server_;
};

TEST_F(EtcdUsers, WhoIsNotLetInIsToldWhatToCheck) {
  EXPECT_EQ(refusal(url("me:p%25w%40rd")), "");
  EXPECT_THAT(refusal(url("me:wrong-one")),
              AllOf(HasSubstr("User or password are wrong"), Not(HasSubstr("wrong-one"))));
  EXPECT_THAT(refusal(url("nobody:x")), HasSubstr("User or password are wrong"));
  EXPECT_THAT(refusal(url("")), HasSubstr("etcd://user:password@host"));
  EXPECT_THAT(refusal(url("me:p%25w%40rd", "others")), HasSubstr("readwrite on the whole prefix"));
}

TEST_F(EtcdUsers, ATokenThatIsNoLongerKnownIsReplaced) {
  FeedLog feed;
  const auto store = open(url("me:p%25w%40rd"));
  ASSERT_NE(store, nullptr);
  const Applied made = applied(commit(*store, put("k", kAbsent, "one")));
  store->watch(made.at, feed.sink());
  // Changing roles makes every token old; a restart forgets them.
  server_.run("--user root:secret role add another");
  const Applied second = applied(commit(*store, put("k", made.revision, "two")));
  EXPECT_TRUE(load(*store).ok());
  server_.kill();
  server_.start();
  const Applied third = applied_at_last(*store, "k", "three");
  EXPECT_GT(third.revision, second.revision);
  EXPECT_TRUE(load(*store).ok());
  EXPECT_TRUE(feed.reach(third.at));
}

// ---- batches ----

TEST(EtcdBatch, SharesATxnAndIsSplitWhereItMustBe) {
  const auto store = open(server().url());
  const auto revisions_of = [&](int entries, const std::string& name) {
    Batch batch;
    for (int i = 0; i < entries; ++i) batch.push_back(put(name + std::to_string(i), kAbsent, "r"));
    std::set<Revision> revisions;
    for (const Outcome& outcome : commit(*store, batch))
      revisions.insert(applied(outcome).revision);
    return revisions.size();
  };
  EXPECT_EQ(revisions_of(127, "a"), 1u);
  EXPECT_EQ(revisions_of(128, "b"), 2u);
  EXPECT_EQ(revisions_of(1'000, "c"), 8u);
  EXPECT_EQ(records(*store).size(), 127u + 128u + 1'000u);
}

TEST(EtcdBatch, WhatEtcdRefusesOfOneEntryDoesNotFailTheOthers) {
  EtcdServer strict({.flags = {"--max-request-bytes", "65536", "--max-txn-ops", "24"}});
  const auto store = open(strict.url());
  Batch batch;
  for (int i = 0; i < 20; ++i) batch.push_back(put("k" + std::to_string(i), kAbsent, "r"));
  batch[7].record.resize(100'000, 'x');
  for (std::uint64_t n = 0; n < 16; ++n) batch[11].put.push_back({n, "x"});
  const std::vector<Outcome> outcomes = commit(*store, batch);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (i == 7) {
      EXPECT_THAT(failure(outcomes[i]), HasSubstr("--max-request-bytes"));
    } else {
      EXPECT_TRUE(is_applied(outcomes[i])) << i << " is outcome " << outcomes[i].index();
    }
  }
  EXPECT_EQ(attachments(*store, "k11").size(), 16u);
}

// ---- while it runs ----

TEST(EtcdRunning, ACommitThatIsNotAnsweredIsUnknownAndMayHaveLanded) {
  const auto store = open(server().url("timeout_ms=300"));
  const Applied made = applied(commit(*store, put("k", kAbsent, "one")));
  server().pause();
  const Outcome outcome = commit(*store, put("k", made.revision, "two"));
  const auto lists = read(*store, {{"k", 0, 1}});
  server().resume();
  EXPECT_TRUE(is_unknown(outcome));
  EXPECT_FALSE(lists.ok());
  Outcome settled;
  ASSERT_TRUE(eventually([&] {
    settled = commit(*store, put("k", made.revision, "three"));
    return is_applied(settled) || std::holds_alternative<Refused>(settled);
  }));
  EXPECT_EQ(records(*store).at("k").bytes, is_applied(settled) ? "three" : "two");
}

TEST(EtcdRunning, WhereNobodyListensACommitSurelyFails) {
  EtcdServer own;
  const auto store = open(own.url());
  const Applied made = applied(commit(*store, put("k", kAbsent, "one")));
  own.kill();
  EXPECT_TRUE(eventually([&] {
    const Outcome outcome = commit(*store, put("k", made.revision, "two"));
    const auto* failed = std::get_if<Failed>(&outcome);
    return failed != nullptr &&
           failed->reason.message().find("cannot be reached") != std::string::npos;
  }));
  own.start();
  EXPECT_EQ(applied_at_last(*store, "k", "three").revision, records(*store).at("k").revision);
}

TEST(EtcdRunning, ItIsClosedAtOnceWhateverIsUnderWay) {
  EtcdServer own;
  FeedLog feed;
  std::vector<Outcome> outcomes;
  auto store = open(own.url("timeout_ms=60000"));
  store->watch(position(*store), feed.sink());
  own.pause();
  store->commit({put("k", kAbsent, "r")},
                [&](std::vector<Outcome> answered) { outcomes = std::move(answered); });
  store->load({.chunk = [](auto) {}, .done = [](auto) {}});
  const auto began = std::chrono::steady_clock::now();
  store.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_TRUE(is_unknown(outcomes.front()));
}

// A member alone may show what no disk has: etcd 3.4 applies before it syncs.
TEST(EtcdRunning, AfterARestartNothingIsReadBeforeSomethingWasWritten) {
  EtcdServer own;
  const std::string prefix = own.make_prefix();
  const auto store = open(own.url("keep_s=0", "", prefix));
  applied(commit(*store, put("k", kAbsent, "r", {{1, "a"}})));
  const auto touched = [&] { return own.range(prefix + "/mtouched", "").kvs(0).version(); };
  const std::int64_t before = touched();
  EXPECT_EQ(attachments(*store, "k").size(), 1u);
  EXPECT_EQ(touched(), before);
  own.kill();
  own.start();
  own.wait_until_it_writes();
  ASSERT_TRUE(eventually([&] { return read(*store, {{"k", 0, 1}}).ok(); }));
  EXPECT_EQ(touched(), before + 1);
  EXPECT_TRUE(load(*store).ok());
  EXPECT_EQ(touched(), before + 1) << "once is enough";
}

TEST(EtcdRunning, ABackupThatWasRestoredEndsEverything) {
  EtcdServer own;
  FeedLog feed;
  const auto store = open(own.url());
  const Applied made = applied(commit(*store, put("k", kAbsent, "one")));
  own.kill();
  own.save();
  own.start();
  own.wait_until_it_writes();
  Revision revision = made.revision;
  for (int i = 0; i < 20; ++i) revision = applied_at_last(*store, "k", "later").revision;
  store->watch({revision}, feed.sink());
  own.kill();
  own.restore();
  own.start();
  EXPECT_THAT(std::string(feed.wait_for_resync().message()), HasSubstr("older state"));
  EXPECT_THAT(failure(commit(*store, put("other", kAbsent, "x"))), HasSubstr("coordinators anew"));
  EXPECT_FALSE(load(*store).ok());
}

// ---- the feed ----

TEST(EtcdFeed, GoesOnAfterTheServerWasAwayAndMissesNothing) {
  EtcdServer own;
  const std::string prefix = own.make_prefix();
  FeedLog feed;
  const auto store = open(own.url("", "", prefix));
  const Applied kept = applied(commit(*store, put("kept", kAbsent, "1")));
  const Applied gone = applied(commit(*store, put("gone", kAbsent, "1")));
  store->watch(gone.at, feed.sink());
  own.kill();
  Applied last;
  {
    const auto other = open("etcd://" + own.start_elsewhere() + "/" + prefix);
    applied(commit(*other, put("kept", kept.revision, "2")));
    applied(commit(*other, erase("gone", gone.revision)));
    last = applied(commit(*other, put("new", kAbsent, "1")));
  }
  own.kill();
  own.start();
  ASSERT_TRUE(feed.reach(last.at));
  ASSERT_EQ(feed.changes_of("gone").size(), 1u);
  EXPECT_EQ(feed.changes_of("gone").front().bytes, std::nullopt);
  ASSERT_EQ(feed.changes_of("kept").size(), 1u);
  EXPECT_EQ(feed.changes_of("kept").front().bytes, "2");
  EXPECT_EQ(feed.changes_of("new").size(), 1u);
}

TEST(EtcdFeed, WhatWasCompactedMeanwhileIsAResync) {
  EtcdServer own;
  const std::string prefix = own.make_prefix();
  FeedLog feed, later;
  const auto store = open(own.url("", "", prefix));
  store->watch(applied(commit(*store, put("k", kAbsent, "1"))).at, feed.sink());
  own.kill();
  {
    const std::string there = own.start_elsewhere();
    const auto other = open("etcd://" + there + "/" + prefix);
    applied_at_last(*other, "k", "2");
    const Applied last = applied_at_last(*other, "k", "3");
    own.compact(static_cast<std::int64_t>(last.revision), there);
  }
  own.kill();
  own.start();
  EXPECT_THAT(std::string(feed.wait_for_resync().message()), HasSubstr("compacted"));
  ASSERT_TRUE(eventually([&] { return load(*store).ok(); }));
  store->watch(position(*store), later.sink());
  EXPECT_TRUE(later.reach(applied_at_last(*store, "k", "4").at));
  EXPECT_EQ(later.changes().back().bytes, "4");
}

// Somebody else's writes have revisions too, and are shown to nobody here.
TEST(EtcdFeed, ReachesWhatWasHandedOutThoughOthersWrite) {
  FeedLog feed;
  const auto store = open(server().url());
  const Applied made = applied(commit(*store, put("k", kAbsent, "one")));
  store->watch(made.at, feed.sink());
  server().put("somebody else's", "x");
  const Refused late = refused(commit(*store, put("k", kAbsent, "two")));
  EXPECT_GT(late.at, made.at);
  EXPECT_TRUE(feed.reach(late.at));
}

TEST(EtcdCompaction, OneOfSeveralStoresCompactsAtATime) {
  EtcdServer own;
  const std::string prefix = own.make_prefix();
  etcd::Settings settings = settings_of(own.url("", "", prefix));
  settings.keep = 1'000ms;
  std::vector<std::unique_ptr<EtcdStore>> stores;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) stores.push_back(open(settings));
  const Position early = applied(commit(*stores[0], put("k", kAbsent, "one"))).at;
  const auto is_lost = [&] {
    FeedLog feed;
    const auto store = open(settings);
    store->watch(early, feed.sink());
    const Applied last = applied_at_last(*store, "k", "more");
    return !feed.reach(last.at);
  };
  EXPECT_FALSE(is_lost());
  EXPECT_TRUE(eventually(is_lost));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const auto turns = own.range(prefix + "/mcompacted", "").kvs(0).version();
  EXPECT_GE(turns, 2);
  EXPECT_LE(static_cast<double>(turns), seconds + 2) << "one a second, however many stores";
}

// ---- space ----

TEST(EtcdSpace, IsScarceBeforeItIsUsedUp) {
  constexpr int kMiB = 1024 * 1024;
  EtcdServer small({.flags = {"--quota-backend-bytes", std::to_string(16 * kMiB)}});
  etcd::Settings settings =
      settings_of(small.url("keep_s=0&quota_bytes=" + std::to_string(16 * kMiB)));
  settings.room_every = 50ms;
  const auto store = open(settings);
  EXPECT_EQ(store->short_of_room(), std::nullopt);
  std::vector<Applied> made;
  while (!store->short_of_room()) {
    ASSERT_LT(made.size(), 40u);
    made.push_back(applied(commit(*store, put("k" + std::to_string(made.size()), kAbsent,
                                              std::string(kMiB / 2 - 1024, 'r')))));
    poll(nullptr, 0, 250);  // ms: until etcd's own figure has followed
  }
  EXPECT_GE(made.size(), 20u) << "80 % of 16 MiB are 12.8, with what etcd adds";
  EXPECT_LE(made.size(), 26u);
  EXPECT_THAT(*store->short_of_room(), HasSubstr("nearly full"));
  made.front() =
      applied(commit(*store, put("k0", made.front().revision, "what must go on, goes on")));

  while (small.try_put("somebody else's", std::string(kMiB, 'x'))) continue;
  // First by the figures, then by the alarm, which etcd raises with its next refusal.
  std::string sentence;
  EXPECT_TRUE(eventually([&] {
    const Outcome outcome = commit(*store, compare("k0", made.front().revision));
    if (std::holds_alternative<Failed>(outcome)) sentence = failure(outcome);
    return sentence.find("NOSPACE") != std::string::npos;
  })) << sentence;
  EXPECT_THAT(sentence, HasSubstr("etcdctl alarm disarm"));

  small.run("del '' --prefix");
  small.compact(small.revision());
  small.run("defrag");
  small.run("alarm disarm");
  EXPECT_TRUE(eventually([&] { return !store->short_of_room(); }));
  EXPECT_TRUE(eventually([&] { return is_applied(commit(*store, compare("k0", kAbsent))); }));
}

// ---- several members ----

class EtcdMembers : public testing::Test {
 protected:
  EtcdServer server_{{.members = 3}};
};

TEST_F(EtcdMembers, WhenOneIsKilledTheNextOneIsAsked) {
  FeedLog feed;
  const auto store = open(server_.url());
  const Applied made = applied(commit(*store, put("k", kAbsent, "0")));
  store->watch(made.at, feed.sink());
  Applied last = made;
  for (std::size_t member = 0; member < 3; ++member) {
    server_.kill(member);
    last = applied_at_last(*store, "k", std::to_string(member));
    EXPECT_TRUE(load(*store).ok());
    EXPECT_TRUE(feed.reach(last.at)) << "after member " << member;
    server_.start(member);
    server_.wait_until_it_writes();
  }
  EXPECT_EQ(records(*store).at("k").bytes, "2");
}

TEST_F(EtcdMembers, AFrozenLeaderIsReplaced) {
  FeedLog feed;
  const auto store = open(server_.url("timeout_ms=500"));
  const Applied made = applied(commit(*store, put("k", kAbsent, "0")));
  store->watch(made.at, feed.sink());
  const std::size_t leader = server_.leader();
  server_.pause(leader);
  const auto began = std::chrono::steady_clock::now();
  const Applied last = applied_at_last(*store, "k", "1");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  EXPECT_TRUE(feed.reach(last.at));
  server_.resume(leader);
  EXPECT_TRUE(feed.reach(applied_at_last(*store, "k", "2").at));
}

TEST_F(EtcdMembers, WithoutAMajorityNothingIsApplied) {
  const auto store = open(server_.url("timeout_ms=500"));
  const Applied made = applied(commit(*store, put("k", kAbsent, "0")));
  server_.kill(1);
  server_.kill(2);
  const auto until = std::chrono::steady_clock::now() + 4s;
  bool failed = false;
  while (std::chrono::steady_clock::now() < until) {
    const Outcome outcome = commit(*store, compare("k", made.revision));
    EXPECT_FALSE(is_applied(outcome)) << "a compare needs a majority too";
    failed = failed || std::holds_alternative<Failed>(outcome);
  }
  EXPECT_TRUE(failed) << "once it is known that there is no leader, it is surely not applied";
  EXPECT_FALSE(read(*store, {{"k", 0, 1}}).ok());
  server_.start(1);
  EXPECT_GT(applied_at_last(*store, "k", "1").revision, made.revision);
}

}  // namespace
}  // namespace interlock
