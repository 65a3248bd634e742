// What the PostgreSQL store does when the server is not as it should be.
#include "coordinator/store/postgres_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <future>
#include <map>
#include <random>
#include <thread>

#include "coordinator/store/postgres/sql.h"
#include "tests/coordinator/store/blocking.h"
#include "tests/coordinator/store/conformance.h"
#include "tests/coordinator/store/postgres_server.h"

namespace interlock {

// What the suite asks with is used here, not the suite.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SharedStoreConformance);

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

PostgresServer& server() {
  static PostgresServer one;
  return one;
}

PostgresOptions impatient() {
  PostgresOptions options;
  options.connect_timeout = std::chrono::milliseconds(2'000);
  options.answer_timeout = std::chrono::milliseconds(500);
  return options;
}

std::unique_ptr<PostgresStore> open(const std::string& database,
                                    const PostgresOptions& options = impatient()) {
  auto store = PostgresStore::open(server().url(database), options);
  if (!store.ok()) {
    ADD_FAILURE() << store.status();
    return nullptr;
  }
  return *std::move(store);
}

std::string refusal(const std::string& url) {
  const auto store = PostgresStore::open(url, impatient());
  return store.ok() ? "" : std::string(store.status().message());
}

template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    poll(nullptr, 0, 50);  // ms
  }
  return true;
}

// ---- at the start ----

TEST(PostgresStart, WhoIsNotLetInIsToldWhatToCheck) {
  const std::string database = server().make_database();
  EXPECT_THAT(refusal(server().url(database, "interlock", "wrong-one")),
              AllOf(HasSubstr("password authentication failed"), HasSubstr("Check address, user"),
                    Not(HasSubstr("wrong-one"))));
  EXPECT_THAT(refusal(server().url("nothing_there")),
              HasSubstr("\"nothing_there\" does not exist"));
  EXPECT_THAT(refusal("postgres://interlock:secret@127.0.0.1:1/x"), HasSubstr("refused"));
}

TEST(PostgresStart, ASchemaOfANewerBuildIsRefused) {
  const std::string database = server().make_database();
  open(database);
  server().run(database, "UPDATE interlock_head SET schema_version = 99");
  EXPECT_THAT(refusal(server().url(database)),
              AllOf(HasSubstr("99"), HasSubstr("newer coordinator")));
}

TEST(PostgresStart, AServerThatOnlyReadsIsRefused) {
  const std::string database = server().make_database();
  server().run("postgres",
               "ALTER DATABASE " + database + " SET default_transaction_read_only = on");
  EXPECT_THAT(refusal(server().url(database)), HasSubstr("read-only"));
}

TEST(PostgresStart, AUserWithoutRightsIsToldToAskForThem) {
  const std::string database = server().make_database();
  open(database);
  server().run("postgres", "CREATE ROLE stranger LOGIN PASSWORD 'secret'");
  EXPECT_THAT(refusal(server().url(database, "stranger")), HasSubstr("GRANT"));
}

TEST(PostgresStart, AServerThatAnswersBeforeItIsDurableIsRefusedUnlessThatIsMeant) {
  const std::string database = server().make_database();
  server().run("postgres", "ALTER DATABASE " + database + " SET synchronous_commit = off");
  EXPECT_THAT(refusal(server().url(database)), HasSubstr("synchronous_commit is off"));
  PostgresOptions options = impatient();
  options.asynchronous_commit_ok = true;
  EXPECT_NE(open(database, options), nullptr);
}

// ---- while it runs ----

TEST(PostgresRunning, AStatementThatFailsIsAFailureAndTheNextOneIsNone) {
  const std::string database = server().make_database();
  const auto store = open(database);
  const Applied made = applied(commit(*store, put("k", kAbsent, "one")));
  server().run(database,
               "ALTER TABLE interlock_records ADD CONSTRAINT small "
               "CHECK (length(bytes) < 10)");
  EXPECT_THAT(failure(commit(*store, put("k", made.revision, std::string(20, 'x')))),
              HasSubstr("small"));
  applied(commit(*store, put("k", made.revision, "two")));
}

TEST(PostgresRunning, AFullDiskIsSaidAndNothingIsHalfWritten) {
  const std::string database = server().make_database();
  const auto store = open(database);
  server().stop();
  server().start(Disk::kFull);
  std::map<std::string, Versioned> acknowledged;
  std::mt19937_64 random(7);  // what cannot be compressed
  Outcome outcome = Unknown{};
  ASSERT_TRUE(eventually([&] {  // the first one meets the connection that was cut
    outcome = commit(*store, put("first", kAbsent, "x"));
    return std::holds_alternative<Applied>(outcome);
  }));
  acknowledged["first"] = {"x", applied(outcome).revision};
  for (int i = 0; i < 200 && std::holds_alternative<Applied>(outcome); ++i) {
    std::string record(400'000, '\0');
    for (char& each : record) each = static_cast<char>(random());
    const std::string key = "k" + std::to_string(i);
    outcome = commit(*store, put(key, kAbsent, record));
    if (std::holds_alternative<Applied>(outcome)) {
      acknowledged[key] = {record, applied(outcome).revision};
    }
  }
  EXPECT_THAT(failure(outcome), HasSubstr("disk is full: make room"));
  EXPECT_GT(acknowledged.size(), 10u);
  server().stop();
  server().start();
  ASSERT_TRUE(eventually([&] {
    outcome = commit(*store, put("first", acknowledged["first"].revision, "y"));
    return std::holds_alternative<Applied>(outcome);
  }));
  acknowledged["first"] = {"y", applied(outcome).revision};
  EXPECT_TRUE(records(*store) == acknowledged);
}

TEST(PostgresRunning, ACommitThatIsNotAnsweredIsUnknownAndMayHaveLanded) {
  const std::string database = server().make_database();
  const auto store = open(database);
  const Applied made = applied(commit(*store, put("k", kAbsent, "one")));
  server().pause();
  const Outcome outcome = commit(*store, put("k", made.revision, "two"));
  EXPECT_TRUE(std::holds_alternative<Unknown>(outcome));
  server().resume();
  // Doubt is settled by writing over what was expected: that is refused, or it is applied.
  Outcome settled = Unknown{};
  ASSERT_TRUE(eventually([&] {
    settled = commit(*store, put("k", made.revision, "three"));
    return std::holds_alternative<Applied>(settled) || std::holds_alternative<Refused>(settled);
  }));
  const std::string expected = std::holds_alternative<Applied>(settled) ? "three" : "two";
  EXPECT_EQ(records(*store).at("k").bytes, expected);
}

TEST(PostgresRunning, ASessionThatIsEndedInTheMiddleOfACommitLeavesItUnknown) {
  const std::string database = server().make_database();
  const auto store = open(database);
  // Somebody else holds the lock, so that the commit is under way for as long as the test wants.
  std::thread holder([&] {
    server().run(database,
                 "BEGIN; SELECT pg_advisory_xact_lock(x'1e7e10cc'::int8);"
                 "SELECT pg_sleep(0.3);"
                 "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted "
                 "AND locktype = 'advisory'; COMMIT");
  });
  ASSERT_TRUE(eventually([&] {
    return server().run(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") !=
           "0";
  }));
  const Outcome outcome = commit(*store, put("k", kAbsent, "one"));
  holder.join();
  const bool sure = std::holds_alternative<Applied>(outcome);
  EXPECT_FALSE(sure) << "nobody can say that it was applied";
  ASSERT_TRUE(eventually([&] {
    const Outcome next = commit(*store, put("j", kAbsent, "one"));
    return std::holds_alternative<Applied>(next) || std::holds_alternative<Refused>(next);
  }));
}

TEST(PostgresRunning, AServerThatIsKilledComesBackWithAllThatWasAcknowledged) {
  const std::string database = server().make_database();
  const auto store = open(database);
  Revision revision = applied(commit(*store, put("k", kAbsent, "0"))).revision;
  for (int round = 1; round <= 3; ++round) {
    server().kill();
    const Outcome away = commit(*store, put("other", kAbsent, "x"));
    EXPECT_FALSE(std::holds_alternative<Applied>(away));
    server().start();
    Outcome next = Unknown{};
    ASSERT_TRUE(eventually([&] {
      next = commit(*store, put("k", revision, std::to_string(round)));
      return std::holds_alternative<Applied>(next);
    }));
    EXPECT_GT(applied(next).revision, revision);
    revision = applied(next).revision;
    EXPECT_EQ(records(*store).at("k").bytes, std::to_string(round));
  }
}

TEST(PostgresRunning, TheFeedGoesOnAfterTheServerWasAway) {
  const std::string database = server().make_database();
  FeedLog feed;
  const auto store = open(database);
  const auto other = open(database);
  store->watch(position(*store), feed.sink());
  ASSERT_TRUE(feed.reach(applied(commit(*other, put("a", kAbsent, "1"))).at));
  server().stop();
  server().start();
  Outcome next = Unknown{};
  ASSERT_TRUE(eventually([&] {
    next = commit(*other, put("b", kAbsent, "2"));
    return std::holds_alternative<Applied>(next);
  }));
  ASSERT_TRUE(feed.reach(applied(next).at));
  EXPECT_EQ(feed.changes_of("b").size(), 1u);
}

// As after an asynchronous standby took over, or a backup was restored.
TEST(PostgresRunning, AServerThatHasLostWhatItAcknowledgedIsNotBelieved) {
  const std::string database = server().make_database();
  FeedLog feed;
  const auto store = open(database);
  store->watch(position(*store), feed.sink());
  const Applied made = applied(commit(*store, put("k", kAbsent, "one")));
  ASSERT_TRUE(feed.reach(made.at));
  server().run(database, "UPDATE interlock_head SET position = position - 1");
  server().run(database,
               "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'interlock' "
               "AND datname = current_database()");
  Outcome outcome;
  ASSERT_TRUE(eventually([&] {
    outcome = commit(*store, put("other", kAbsent, "x"));
    return std::holds_alternative<Failed>(outcome);
  }));
  EXPECT_THAT(std::get<Failed>(outcome).reason.message(), HasSubstr("is lost"));
  EXPECT_TRUE(absl::IsDataLoss(feed.wait_for_resync()));
  EXPECT_TRUE(absl::IsDataLoss(load(*store).status()));
}

TEST(PostgresRunning, ForgottenDeletionsAreAResync) {
  const std::string database = server().make_database();
  FeedLog feed, later;
  const auto store = open(database);
  const Position before = position(*store);
  const Applied made = applied(commit(*store, put("k", kAbsent, "one")));
  applied(commit(*store, erase("k", made.revision)));
  server().run(database, "UPDATE interlock_deletions SET at = now() - interval '11 minutes'");
  server().run(database, postgres::kPrune);
  store->watch(before, feed.sink());
  EXPECT_FALSE(feed.wait_for_resync().ok());
  store->watch(position(*store), later.sink());
  EXPECT_TRUE(later.reach(applied(commit(*store, put("j", kAbsent, "one"))).at));
}

}  // namespace
}  // namespace interlock
