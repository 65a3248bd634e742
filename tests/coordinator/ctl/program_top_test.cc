// interlockctl top: lines for a pipe, a screen for a terminal, which it gives back.
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <semaphore>

#include "program_case.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr const char* entered = "\x1b[?1049h\x1b[?25l";
constexpr const char* left = "\x1b[?25h\x1b[?1049l";

v1::StatsResponse look(std::uint64_t transitions) {
  v1::StatsResponse stats;
  (*stats.mutable_connections_by_state())["IDLE"] = 5;
  stats.set_transitions(transitions);
  stats.set_store("rocksdb");
  stats.set_coordinator_id("c0ffee00");
  stats.set_gateways(2);
  return stats;
}

class CtlTop : public ProgramCase {
 protected:
  CtlTop() {
    admin_.stats_looks = {look(100), look(200), look(300)};
    admin_.gate = [this](grpc::ServerContext& context) {
      switch (mood_) {
        case Mood::kGood:
          return grpc::Status::OK;
        case Mood::kLeaving:
          return grpc::Status(grpc::UNAVAILABLE, "going");
        case Mood::kRefusing:
          return grpc::Status(grpc::PERMISSION_DENIED, "no");
        case Mood::kStandingStill:
          standing_still_.release();
          admin_.hold(context);
          return grpc::Status::CANCELLED;
      }
      return grpc::Status::OK;
    };
  }

  std::unique_ptr<Program> on_a_terminal(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {interlockctl_path(), "--coordinator", admin_.address(),
                                         "top", "--interval=100ms"});
    return std::make_unique<Program>(arguments, std::map<std::string, std::string>{}, true);
  }

  enum class Mood { kGood, kLeaving, kRefusing, kStandingStill };
  std::atomic<Mood> mood_ = Mood::kGood;
  std::counting_semaphore<> standing_still_{0};  // somebody waits for an answer
};

TEST_F(CtlTop, PipedItIsALineForEachLook) {
  const Finished got = run({"top", "--interval=100ms", "--count=3"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  const auto lines = lines_in(got.out);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], HasSubstr("connections 5  transitions -  "));
  EXPECT_THAT(lines[1], MatchesRegex(".*  transitions [0-9]+/s  .*  gateways 2  flapping 0  "
                                     "store rocksdb, there"));
  EXPECT_THAT(got.out, Not(HasSubstr("\x1b")));
}

TEST_F(CtlTop, InJsonItIsAnObjectForEachLook) {
  *admin_.gateway_looks.emplace_back().add_gateways()->mutable_gateway_id() = "3f1c";
  const Finished got = run({"--json", "top", "--interval=100ms", "--count=2"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  const auto lines = lines_in(got.out);
  ASSERT_THAT(lines, SizeIs(2));
  const auto first = boost::json::parse(lines[0]).as_object();
  EXPECT_TRUE(first.at("transitions_per_s").is_null());
  EXPECT_EQ(first.at("stats").at("transitions").as_string(), "100");
  EXPECT_EQ(first.at("gateways").at(0).at("gateway_id").as_string(), "3f1c");
  const auto second = boost::json::parse(lines[1]).as_object();
  EXPECT_GT(second.at("transitions_per_s").to_number<double>(), 0.0);
}

TEST_F(CtlTop, ItNeverAsksForTheConnections) {
  run({"top", "--interval=100ms", "--count=2"});
  EXPECT_THAT(admin_.list_requests(), IsEmpty());
}

TEST_F(CtlTop, AReaderWhoLeavesEndsItThoughNothingIsDue) {
  const std::string command =
      interlockctl_path() + " --coordinator " + admin_.address() +
      " top --interval=1h | head -1 > /dev/null; echo exit ${PIPESTATUS[0]}";
  EXPECT_EQ(Program({"/bin/bash", "-c", command}).finish().out, "exit 0\n");
}

TEST_F(CtlTop, OnATerminalItDrawsAndQLeaves) {
  const auto program = on_a_terminal();
  const std::string drawn = program->read_until("q leaves");
  EXPECT_THAT(drawn, StartsWith(entered));
  EXPECT_THAT(drawn, HasSubstr("IDLE"));
  EXPECT_THAT(drawn, HasSubstr("█"));
  program->read_until("q leaves");  // and again, by itself
  program->type("q");
  const Finished got = program->finish();
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_THAT(got.out, HasSubstr(left));
  EXPECT_THAT(got.err, IsEmpty());
}

TEST_F(CtlTop, SignalsGiveTheTerminalBack) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const auto program = on_a_terminal();
    program->read_until("q leaves");
    program->send_signal(signal);
    const Finished got = program->finish();
    EXPECT_EQ(got.exit_code, 0);
    EXPECT_THAT(got.out, HasSubstr(left));
  }
}

TEST_F(CtlTop, AWindowThatChangesIsDrawnAnewAtOnce) {
  const auto program = on_a_terminal({"--interval=1h"});
  program->read_until("q leaves");
  program->resize(20, 5);
  const std::string drawn = program->read_until("q leaves");
  EXPECT_THAT(drawn, Not(HasSubstr("watchers")));
  EXPECT_THAT(drawn, HasSubstr("interlockctl top"));
  program->type("q");
  EXPECT_EQ(program->finish().exit_code, 0);
}

TEST_F(CtlTop, ACoordinatorThatGoesIsShownAndLookedForAgain) {
  const auto program = on_a_terminal();
  program->read_until("q leaves");
  mood_ = Mood::kLeaving;
  program->read_until("is not available now (going)");
  mood_ = Mood::kGood;
  program->read_until("q leaves");
  program->type("q");
  EXPECT_EQ(program->finish().exit_code, 0);
}

// The screen was never taken.
TEST_F(CtlTop, WhatDoesNotWorkAtAllIsSaidAsByAnyVerb) {
  mood_ = Mood::kRefusing;
  const Finished got = on_a_terminal()->finish();
  EXPECT_EQ(got.exit_code, 4);
  EXPECT_THAT(got.out, IsEmpty());
  EXPECT_EQ(run({"top", "--interval=1ms"}).exit_code, 2);
}

TEST_F(CtlTop, ControlCEndsItBeforeTheFirstAnswerToo) {
  mood_ = Mood::kStandingStill;
  const auto program = on_a_terminal({"--timeout=1h"});
  ASSERT_TRUE(standing_still_.try_acquire_for(std::chrono::seconds(10)));
  program->send_signal(SIGINT);
  const Finished got = program->finish();
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_THAT(got.out, IsEmpty());
}

// The answer never comes; q is heard all the same.
TEST_F(CtlTop, ACoordinatorThatStandsStillDoesNotHoldTheKeyboard) {
  const auto program = on_a_terminal({"--timeout=1h"});
  program->read_until("q leaves");
  mood_ = Mood::kStandingStill;
  ASSERT_TRUE(standing_still_.try_acquire_for(std::chrono::seconds(10)));
  program->type("q");
  EXPECT_EQ(program->finish().exit_code, 0);
}

}  // namespace
}  // namespace interlock
