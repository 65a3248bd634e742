// What of the PostgreSQL store needs no server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "coordinator/store/postgres/connection.h"
#include "coordinator/store/postgres/failures.h"
#include "coordinator/store/postgres/parameters.h"

namespace interlock::postgres {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

TEST(PostgresParameters, ArraysAreAsTheServerReadsThem) {
  BinaryArray array = BinaryArray::of_int64();
  array.add_int64(258);
  array.add_int64(std::nullopt);
  EXPECT_EQ(array.take(),
            bytes({0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 20, 0,   0,   0,   2,  0, 0, 0, 1,  //
                   0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2,  255, 255, 255, 255}));
  BinaryArray texts = BinaryArray::of_bytes();
  texts.add_bytes(std::string_view("\0x", 2));
  EXPECT_EQ(texts.take(), bytes({0, 0, 0, 1, 0, 0,  0, 0, 0, 0, 0, 17, 0, 0, 0, 1, 0, 0, 0, 1,  //
                                 0, 0, 0, 2, 0, 'x'}));
}

TEST(PostgresParameters, UnsignedNumbersKeepTheirOrder) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_LT(ordered(0), ordered(1));
  EXPECT_LT(ordered(most / 2), ordered(most / 2 + 1));
  EXPECT_LT(ordered(most - 1), ordered(most));
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{7}, most}) {
    EXPECT_EQ(number_of(int64_of(binary(ordered(number)))), number);
  }
}

TEST(PostgresFailures, SayWhatToDo) {
  EXPECT_THAT(failure_of("53100", "could not extend").message(), HasSubstr("make room"));
  EXPECT_THAT(failure_of("25006", "read-only").message(), HasSubstr("name the primary"));
  EXPECT_THAT(failure_of("42501", "denied").message(), HasSubstr("GRANT"));
  EXPECT_THAT(failure_of("40P01", "deadlock").message(), HasSubstr("nothing but Interlock"));
  EXPECT_THAT(failure_of("XX000", "odd").message(), HasSubstr("odd (XX000)"));
  EXPECT_TRUE(absl::IsUnavailable(failure_of("57P01", "terminating")));
}

TEST(PostgresFailures, AWarningAboutTheStandbyLeavesInDoubt) {
  EXPECT_TRUE(leaves_in_doubt("01000",
                              "The transaction has already committed locally, but might "
                              "not have been replicated to the standby."));
  EXPECT_FALSE(leaves_in_doubt("01000", "there is already a transaction in progress"));
  EXPECT_FALSE(leaves_in_doubt("00000", "might not have been replicated"));
}

TEST(PostgresFailures, NoPasswordIsShown) {
  for (const char* url : {"postgres://me:hidden@here/db", "postgres://me:hid%40den@a,b/db?x=y",
                          "postgres://here/db?user=me&password=hidden&sslmode=require"}) {
    EXPECT_THAT(without_password(url), Not(HasSubstr("hid"))) << url;
    EXPECT_THAT(without_password(url), HasSubstr("/db")) << url;
  }
  EXPECT_EQ(without_password("postgres://me@here:5432/db"), "postgres://me@here:5432/db");
  EXPECT_EQ(without_password("rocksdb:/var/lib"), "rocksdb:/var/lib");
}

TEST(PostgresLineage, AnOldPrimaryThatComesBackIsRefused) {
  Lineage lineage;
  const auto on = [&](std::uint64_t server, std::uint64_t timeline) {
    return lineage.check({.system_identifier = server, .timeline = timeline});
  };
  EXPECT_TRUE(on(1, 3).ok());
  EXPECT_TRUE(on(1, 4).ok());
  EXPECT_TRUE(on(1, 4).ok());
  EXPECT_THAT(on(1, 3).message(), HasSubstr("an old primary has come back"));
  EXPECT_THAT(on(2, 9).message(), HasSubstr("another PostgreSQL"));
  EXPECT_TRUE(on(1, 4).ok());
}

TEST(PostgresLineage, AnOlderStateIsADeadPastFromThenOn) {
  Lineage lineage;
  EXPECT_TRUE(lineage.check_position(0, lineage.position()).ok());
  lineage.reached(70);
  lineage.reached(60);
  EXPECT_TRUE(lineage.check_position(70, lineage.position()).ok());
  EXPECT_THAT(lineage.check_position(69, lineage.position()).message(),
              HasSubstr("what was acknowledged is lost"));
  EXPECT_TRUE(absl::IsDataLoss(lineage.check_position(1'000, 0)));
}

TEST(PostgresLineage, WhatIsWrittenWhileTheServerIsAskedIsNoLoss) {
  Lineage lineage;
  lineage.reached(70);
  const std::uint64_t before = lineage.position();
  lineage.reached(71);  // another connection heard of it, after this one's question was answered
  EXPECT_TRUE(lineage.check_position(70, before).ok());
  EXPECT_TRUE(absl::IsDataLoss(lineage.check_position(69, before)));
}

}  // namespace
}  // namespace interlock::postgres
