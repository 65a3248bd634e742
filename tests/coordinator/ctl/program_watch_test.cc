// interlockctl watch: shows what happens, and ends when it is told to.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "fake_admin.h"
#include "program.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

v1::WatchResponse step(const std::string& key, v1::State from, v1::State to, v1::Reason reason) {
  v1::WatchResponse answer;
  answer.mutable_changed()->set_key(key);
  answer.mutable_changed()->set_state(to);
  v1::HistoryEntry& entry = *answer.mutable_changed()->add_transitions();
  entry.set_from(from);
  entry.set_to(to);
  entry.set_actor(v1::OWNER);
  entry.set_reason(reason);
  entry.set_generation(42);
  entry.set_time_unix_ms(1'700'000'000'123);
  return answer;
}

class CtlWatch : public testing::Test {
 protected:
  CtlWatch() {
    admin_.watched.push_back(step("alice:a", v1::CONNECTING, v1::CONNECTING, v1::CLAIMED));
    admin_.watched.push_back(step("bob:b", v1::IDLE, v1::DEGRADED, v1::BACKEND_AWAY));
  }

  std::unique_ptr<Program> watch(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(),
                     {interlockctl_path(), "--coordinator", admin_.address(), "watch"});
    return std::make_unique<Program>(arguments);
  }

  FakeAdmin admin_;
};

TEST_F(CtlWatch, ATransitionIsALineAsSoonAsItCame) {
  const auto program = watch();
  EXPECT_EQ(program->read_line(),
            "22:13:20.123  alice:a  new -> CONNECTING  owner  claimed  generation 42");
  EXPECT_EQ(program->read_line(),
            "22:13:20.123  bob:b    IDLE -> DEGRADED   owner  backend away  generation 42");
}

TEST_F(CtlWatch, ControlCEndsItCleanly) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const auto program = watch();
    program->read_line();
    program->read_line();
    program->send_signal(signal);
    const Finished got = program->finish();
    EXPECT_EQ(got.exit_code, 0);
    EXPECT_THAT(got.out, IsEmpty());
    EXPECT_THAT(got.err, IsEmpty());
    EXPECT_TRUE(admin_.wait_for_watches(0));
  }
}

// Nothing is written any more that could fail: it is noticed all the same.
TEST_F(CtlWatch, AReaderWhoLeavesEndsItThoughNothingHappens) {
  const auto program = watch();
  program->read_line();
  program->read_line();
  program->close_output();
  const Finished got = program->finish();
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_THAT(got.err, IsEmpty());
  EXPECT_TRUE(admin_.wait_for_watches(0));
}

TEST_F(CtlWatch, AKeyShowsOnlyItsOwn) {
  const auto program = watch({"bob:b"});
  EXPECT_THAT(program->read_line(), HasSubstr("bob:b"));
}

TEST_F(CtlWatch, JsonIsWhatTheCoordinatorSent) {
  const auto program = watch({"--json"});
  for (const v1::WatchResponse& sent : admin_.watched) {
    v1::WatchResponse read;
    const std::string line = program->read_line();
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(line, &read).ok()) << line;
    EXPECT_EQ(read.SerializeAsString(), sent.SerializeAsString());
  }
}

TEST_F(CtlWatch, WhatIsNoTransitionIsSaidToo) {
  admin_.watched.clear();
  admin_.watched.emplace_back().mutable_changed()->set_key("silent:s");
  admin_.watched.emplace_back().set_removed_key("alice:a");
  admin_.watched.emplace_back().set_missed(true);
  const auto program = watch();
  EXPECT_THAT(program->read_line(), HasSubstr("alice:a  forgotten"));
  EXPECT_THAT(program->read_line(), HasSubstr("some changes were left out here"));
}

TEST_F(CtlWatch, AStreamThatBreaksIsExitCode5) {
  admin_.watch_end = grpc::Status(grpc::UNAVAILABLE, "the coordinator stops");
  const auto program = watch();
  EXPECT_THAT(program->read_line(), StartsWith("22:13:20.123  alice:a"));
  const Finished got = program->finish();
  EXPECT_EQ(got.exit_code, 5);
  EXPECT_THAT(got.err, HasSubstr("the coordinator stops"));
}

TEST_F(CtlWatch, ACoordinatorThatDiesIsExitCode5) {
  const auto program = watch();
  program->read_line();
  program->read_line();
  admin_.stop();
  const Finished got = program->finish();
  EXPECT_EQ(got.exit_code, 5);
  EXPECT_THAT(got.err, HasSubstr(admin_.address() + " is not available now"));
}

TEST_F(CtlWatch, ItWaitsLongerThanTheTimeout) {
  const auto program = watch({"--timeout=100ms"});
  program->read_line();
  program->read_line();
  EXPECT_TRUE(program->stays_silent(400));
  program->send_signal(SIGINT);
  EXPECT_EQ(program->finish().exit_code, 0);
}

// A second coordinator of the same store.
class CtlFollow : public CtlWatch {
 protected:
  CtlFollow() {
    for (v1::WatchResponse& answer : admin_.watched) answer.set_revision(7);
    second_.watched.push_back(step("carol:c", v1::IDLE, v1::DEGRADED, v1::BACKEND_AWAY));
    second_.watched.back().set_revision(7);
    second_.watched.emplace_back().set_caught_up(9);
    second_.watched.back().set_revision(9);
    // What comes behind it has been read when what was missed was said.
    second_.watched.push_back(step("dave:d", v1::IDLE, v1::DEGRADED, v1::BACKEND_AWAY));
  }

  std::unique_ptr<Program> follow(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {interlockctl_path(), "--coordinator",
                                         admin_.address() + "," + second_.address(), "watch",
                                         "--follow"});
    return std::make_unique<Program>(arguments);
  }

  FakeAdmin second_;
};

TEST_F(CtlFollow, ItGoesOnAtAnotherCoordinatorBehindWhatWasShown) {
  const auto program = follow();
  program->read_line();
  program->read_line();
  admin_.stop();
  EXPECT_THAT(program->read_line(), HasSubstr("carol:c"));
  EXPECT_EQ(second_.last_watch().from_revision(), 7u);
  EXPECT_THAT(program->read_line(), HasSubstr("dave:d"));
  program->send_signal(SIGINT);
  const Finished got = program->finish();
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_THAT(got.err, HasSubstr("Trying until it is back"));
  EXPECT_THAT(got.err, HasSubstr("Watching again at " + second_.address() +
                                 ", from revision 7: 1 connections had changed meanwhile."));
}

TEST_F(CtlFollow, RemovalsThatAreNotKnownAnyMoreAreSaid) {
  second_.watched.insert(second_.watched.begin(), v1::WatchResponse())->set_missed(true);
  const auto program = follow({"--json"});
  program->read_line();
  program->read_line();
  admin_.stop();
  EXPECT_THAT(program->read_line(), HasSubstr("\"missed\":true"));
  program->read_line();
  EXPECT_THAT(program->read_line(), HasSubstr("\"caught_up\":\"9\""));
  program->read_line();
  program->send_signal(SIGINT);
  EXPECT_THAT(program->finish().err, HasSubstr("some removals are not known any more"));
}

TEST_F(CtlFollow, ARefusalIsNotTriedAgain) {
  second_.gate = [](grpc::ServerContext&) { return grpc::Status(grpc::PERMISSION_DENIED, "no"); };
  const auto program = follow();
  program->read_line();
  program->read_line();
  admin_.stop();
  EXPECT_EQ(program->finish().exit_code, 4);
}

TEST_F(CtlFollow, WhileNobodyIsThereControlCEndsItAtOnce) {
  const auto program = follow();
  program->read_line();
  program->read_line();
  second_.stop();
  admin_.stop();
  EXPECT_TRUE(admin_.wait_for_watches(0));
  program->send_signal(SIGINT);
  EXPECT_EQ(program->finish().exit_code, 0);
}

}  // namespace
}  // namespace interlock
