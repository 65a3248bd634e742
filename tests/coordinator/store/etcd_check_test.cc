// What is said of an etcd cluster before anybody relies on it.
#include "coordinator/store/etcd/check.h"

#include <poll.h>

#include "coordinator/store/check_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/coordinator/store/etcd_server.h"

namespace interlock {
namespace {

using etcd::check_etcd;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(CheckEtcd, OneMemberServesAndPromisesLittle) {
  EtcdServer server;
  const StoreCheck check = check_etcd(server.url());
  EXPECT_TRUE(is_fit(check));
  EXPECT_THAT(to_text(check),
              AllOf(HasSubstr("WARNING  version: " + server.endpoint() + ": etcd 3.4"),
                    HasSubstr("WARNING  access: etcd asks for no password"),
                    HasSubstr("good     encryption: none, on this machine only"),
                    HasSubstr("WARNING  members: 1 vote, 0 of them may be lost"),
                    HasSubstr("good     space: 0 MiB are used"), HasSubstr("of 2048 MiB"),
                    HasSubstr("latency: a durable write takes"),
                    HasSubstr("Any number of coordinators"), HasSubstr("not its disk")));
  // Asked for less than there is.
  for (int i = 0; i < 2; ++i) server.put("x" + std::to_string(i), std::string(500'000, 'x'));
  poll(nullptr, 0, 300);  // ms: until etcd's own figure has followed
  const StoreCheck small = check_etcd(server.url("quota_bytes=1048576"));
  EXPECT_THAT(to_text(small), HasSubstr("space: "));
  EXPECT_THAT(to_text(small), Not(HasSubstr("good     space")));
}

TEST(CheckEtcd, ThreeMembersSurviveTheLossOfOne) {
  EtcdServer server({.members = 3});
  EXPECT_THAT(to_text(check_etcd(server.url())),
              AllOf(HasSubstr("good     members: 3 vote, 1 of them may be lost; 3 named"),
                    HasSubstr("survives the loss of 1 of its 3 members")));
  EXPECT_THAT(to_text(check_etcd("etcd://" + server.endpoint(0))),
              HasSubstr("WARNING  members: 3 vote, 1 of them may be lost; 1 named in --store, 1 "
                        "answer; name all of them"));
  server.kill(1);
  server.wait_until_it_writes();
  const StoreCheck without_one = check_etcd(server.url());
  EXPECT_TRUE(is_fit(without_one));
  EXPECT_THAT(to_text(without_one), AllOf(HasSubstr("WARNING  " + server.endpoint(1)),
                                          HasSubstr("3 named in --store, 2 answer")));
  server.kill(2);
  const StoreCheck alone = check_etcd(server.url("timeout_ms=500"));
  EXPECT_FALSE(is_fit(alone));
  EXPECT_THAT(alone.promises, IsEmpty());
}

TEST(CheckEtcd, MembersOfDifferentClustersAreRefused) {
  EtcdServer one, other;
  const StoreCheck check = check_etcd("etcd://" + one.endpoint() + "," + other.endpoint());
  EXPECT_FALSE(is_fit(check));
  EXPECT_THAT(to_text(check), HasSubstr("of different clusters"));
}

TEST(CheckEtcd, WhatCannotBeOpenedIsRefused) {
  EXPECT_THAT(to_text(check_etcd("etcd://127.0.0.1:1")), HasSubstr("REFUSED  members: none"));
  EXPECT_THAT(to_text(check_etcd("etcd://h?nonsense=1")), HasSubstr("REFUSED  opening"));
  EtcdServer server;
  server.run("role add root");
  server.run("user add root:secret");
  server.run("user grant-role root root");
  server.run("auth enable");
  EXPECT_THAT(to_text(check_etcd(server.url("", "root:wrong-one"))),
              AllOf(HasSubstr("REFUSED  access: User or password"), Not(HasSubstr("wrong-one"))));
  EXPECT_THAT(to_text(check_etcd(server.url())), HasSubstr("REFUSED  access"));
  EXPECT_THAT(to_text(check_etcd(server.url("", "root:secret"))),
              HasSubstr("good     access: user root"));
}

}  // namespace
}  // namespace interlock
