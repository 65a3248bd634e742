// What --check_store says.
#include "coordinator/store/check_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/store/etcd_server.h"
#include "tests/coordinator/store/postgres_server.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(CheckStore, ADirectoryIsForOneCoordinator) {
  const ScratchDirectory directory;
  const std::string url = "rocksdb:" + directory.path() + "/db";
  const StoreCheck check = check_store(url);
  EXPECT_TRUE(is_fit(check));
  EXPECT_THAT(to_text(check), AllOf(HasSubstr("good     latency: a durable commit takes"),
                                    HasSubstr("One coordinator at a time")));
  const auto in_use = open_store(url);
  const StoreCheck refused = check_store(url);
  EXPECT_FALSE(is_fit(refused));
  EXPECT_THAT(to_text(refused), AllOf(HasSubstr("REFUSED"), Not(HasSubstr("survives"))));
}

TEST(CheckStore, MemoryPromisesNothing) {
  EXPECT_THAT(to_text(check_store("memory:")),
              AllOf(HasSubstr("WARNING"), HasSubstr("Nothing outlives")));
}

TEST(CheckStore, APostgresSaysWhatItsSettingsAreWorth) {
  PostgresServer server;
  const std::string database = server.make_database();
  const StoreCheck check = check_store(server.url(database));
  EXPECT_TRUE(is_fit(check));
  EXPECT_THAT(to_text(check),
              AllOf(HasSubstr("version: PostgreSQL 15."), HasSubstr("synchronous_commit is on"),
                    HasSubstr("WARNING  standby: none"), HasSubstr("a durable commit takes"),
                    HasSubstr("Any number of coordinators"), Not(HasSubstr("loss of the server"))));
  server.run("postgres", "ALTER DATABASE " + database + " SET synchronous_commit = off");
  EXPECT_FALSE(is_fit(check_store(server.url(database))));
  EXPECT_THAT(to_text(check_store(server.url(database), {.asynchronous_commit_ok = true})),
              AllOf(HasSubstr("WARNING  durability"), HasSubstr("may be lost in a crash")));
  EXPECT_FALSE(is_fit(check_store(server.url("none"))));
}

TEST(CheckStore, AnEtcdSaysWhatItsMembersAreWorth) {
  EtcdServer server;
  EXPECT_THAT(to_text(check_store(server.url())),
              AllOf(HasSubstr("etcd 3.4."), HasSubstr("a durable write takes"),
                    HasSubstr("Any number of coordinators")));
  EXPECT_FALSE(is_fit(check_store("etcd://127.0.0.1:1")));
}

}  // namespace
}  // namespace interlock
