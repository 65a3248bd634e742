#include "coordinator/ctl/round_trip.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace interlock {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

// Gateways and coordinator in one, which keep to the protocol but for what a test breaks.
class World final : public RoundTripWorld {
 public:
  // What is broken.
  std::optional<SocketOpening> opening_of_b;  // the second gateway's answer
  std::uint64_t lose = 0;                     // this event never leaves the gateway
  std::uint64_t repeat = 0;                   // this one is sent twice
  bool swap_after_resume = false;             // the first two of the replay
  bool resumes = true;
  bool known = true;
  bool one_store = true;        // tool and gateway mean the same record
  bool idempotent = true;
  bool ends = true;             // the record becomes CLOSED
  bool notes_acknowledgements = true;
  bool same_key = true;
  std::uint64_t kick_at = 0;    // instead of this event the socket is closed with 4502
  std::uint16_t close_code = 1000;
  Outcome publish_refused;
  std::uint64_t gateways = 2;
  bool lost_frame = false;

  std::int64_t now_ms() override { return now_ms_; }
  void pause() override { now_ms_ += 50; }

  SocketOpening open(const std::string& url, const std::string& query) override {
    queries.push_back(query);
    const bool again = generation_ != 0;
    if (again && opening_of_b) return *opening_of_b;
    urls.push_back(url);
    generation_ += 10;
    open_ = true;
    frames_.clear();
    std::uint64_t next = again && resumes ? delivered_ + 1 : 1;
    frames_.push_back(
        fmt::format(R"({{"type":"hello","key":"{}","generation":{},"resumed":{},"next_seq":{}}})",
                    again && !same_key ? "bob:x" : "alice:x", generation_, again && resumes, next));
    if (again && lost_frame)
      frames_.push_back(R"({"type":"lost","reason":"expired","next_seq":9})");
    if (again && swap_after_resume) send_event(next + 1);
    for (; next <= published_; ++next) send_event(next);
    frames_.push_back(R"({"type":"ready","state":"PROCESSING_READY","replayed":0})");
    return SocketOpened{};
  }
  SocketNews read(std::int64_t timeout_ms) override {
    if (!frames_.empty()) {
      const std::string frame = frames_.front();
      frames_.pop_front();
      if (frame == "kicked") return SocketEnd{.code = 4502, .reason = "kicked"};
      return SocketFrame{frame};
    }
    now_ms_ += timeout_ms;
    return SocketSilence{};
  }
  void send(const std::string& text) override {
    const auto frame = boost::json::parse(text).as_object();
    if (frame.at("type") == "ack" && notes_acknowledgements) {
      acknowledged_ = static_cast<std::uint64_t>(frame.at("seq").as_int64());
    }
  }
  void cut() override { open_ = false; }
  SocketEnd close() override {
    ++closes;
    closed_ = ends;
    return {.code = close_code, .reason = ""};
  }

  std::string coordinator() override { return "here:7400"; }
  Outcome stats(v1::StatsResponse& answer) override {
    answer.set_gateways(gateways);
    return std::nullopt;
  }
  Outcome get_latest(const std::string&, v1::Connection& answer) override {
    if (!known) return Failure{ExitCode::kNotFound, "There is no record."};
    answer.set_generation(one_store ? generation_ : 7);
    answer.set_state(closed_ ? v1::CLOSED : v1::PROCESSING_READY);
    answer.set_acknowledged(acknowledged_);
    return std::nullopt;
  }
  Outcome explain(const std::string&, v1::ExplainResponse& answer) override {
    answer.add_findings()->set_text("It is like this.");
    return std::nullopt;
  }
  Outcome publish(const v1::PublishRequest& request, v1::Receipt& answer) override {
    if (publish_refused) return publish_refused;
    const bool repeated = idempotent && request.idempotency_key() == last_idempotency_key_;
    last_idempotency_key_ = request.idempotency_key();
    if (!repeated) ++published_;
    answer.set_sequence(published_);
    answer.set_repeated(repeated);
    if (open_ && !repeated) send_event(published_);
    return std::nullopt;
  }

  std::vector<std::string> urls;
  std::vector<std::string> queries;
  int closes = 0;

 private:
  void send_event(std::uint64_t sequence) {
    if (sequence == lose) return;
    if (sequence == kick_at) return frames_.push_back("kicked");
    const std::string frame =
        fmt::format(R"({{"type":"event","seq":{},"event":"x","data":{{}}}})", sequence);
    frames_.push_back(frame);
    if (sequence == repeat) frames_.push_back(frame);
    delivered_ = sequence;
  }

  std::int64_t now_ms_ = 1'000;
  std::uint64_t generation_ = 0;
  std::uint64_t published_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::string last_idempotency_key_;
  bool open_ = false;
  bool closed_ = false;
  std::deque<std::string> frames_;
};

class RoundTripTest : public testing::Test {
 protected:
  Outcome run() {
    return run_round_trip({.first_url = "ws://a/ws", .second_url = "ws://b/ws", .session = "s"},
                          world_, [this](const RoundTripStep& step) { steps_.push_back(step); });
  }

  // Which step ended it, and with which words.
  void expect_end(const std::string& step, const std::string& words,
                  ExitCode code = ExitCode::kFailed) {
    const Outcome outcome = run();
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->code, code);
    ASSERT_FALSE(steps_.empty());
    EXPECT_EQ(steps_.back().name, step);
    EXPECT_FALSE(steps_.back().ok);
    EXPECT_THAT(steps_.back().text, HasSubstr(words));
    for (std::size_t i = 0; i + 1 < steps_.size(); ++i) EXPECT_TRUE(steps_[i].ok);
  }

  World world_;
  std::vector<RoundTripStep> steps_;
};

TEST_F(RoundTripTest, WhatWorksGoesThroughEveryStep) {
  EXPECT_EQ(run(), std::nullopt) << steps_.back().text;
  std::vector<std::string> names;
  for (const RoundTripStep& step : steps_) names.push_back(step.name);
  EXPECT_THAT(names, ElementsAreArray(round_trip_steps));
  EXPECT_EQ(world_.urls, (std::vector<std::string>{"ws://a/ws", "ws://b/ws"}));
  EXPECT_EQ(world_.queries[1], "session=s&last_seq=5&seq_gen=10&gen=10&try=1");
  EXPECT_EQ(world_.closes, 1);
}

TEST_F(RoundTripTest, ACoordinatorWithoutGatewaysIsTheWrongOne) {
  world_.gateways = 0;
  expect_end("coordinator", "knows of no gateway");
}

TEST_F(RoundTripTest, AGatewayOfAnotherStoreIsFound) {
  world_.known = false;
  expect_end("known", "the gateway asks a coordinator of another store");
  EXPECT_EQ(world_.closes, 1);
}

TEST_F(RoundTripTest, ARecordOfAnotherGenerationIsFound) {
  world_.one_store = false;
  expect_end("known", "knows generation 7");
}

TEST_F(RoundTripTest, ARefusedPublishSaysWhoRefused) {
  world_.publish_refused = Failure{ExitCode::kRefused, "Permission denied: no role."};
  expect_end("publish", "Event 1 was not accepted. Permission denied", ExitCode::kRefused);
}

TEST_F(RoundTripTest, APublishThatIsDoneTwiceIsFound) {
  world_.idempotent = false;
  expect_end("publish", "became event 6 beside 5");
}

TEST_F(RoundTripTest, AnEventThatDoesNotComeIsNamedWithWhatTheCoordinatorSays) {
  world_.lose = 5;
  expect_end("deliver", "There was no event 5 within 10s. The coordinator says: It is like this.");
}

TEST_F(RoundTripTest, AGapIsFound) {
  world_.lose = 3;
  expect_end("deliver", "event 4 came where 3 was due");
}

TEST_F(RoundTripTest, AnEventThatComesTwiceIsFound) {
  world_.repeat = 2;
  expect_end("deliver", "Event 2 came a second time");
}

TEST_F(RoundTripTest, AKickInTheMiddleIsSaidWithItsCode) {
  world_.kick_at = 4;
  expect_end("deliver",
             "closed the socket before event 5 with 4502 (for good: a client stops; it "
             "said: kicked)");
  EXPECT_EQ(world_.closes, 0) << "there is nothing left to close";
}

TEST_F(RoundTripTest, ASecondGatewayThatCannotBeReachedIsNamed) {
  world_.opening_of_b = SocketUnreached{"Connection refused"};
  expect_end("resume", "Cannot reach the gateway at ws://b/ws (Connection refused)",
             ExitCode::kUnavailable);
}

TEST_F(RoundTripTest, ARefusedUpgradeSaysStatusAndSentence) {
  world_.opening_of_b = SocketRefused{.status = 503, .message = "draining", .after_ms = 2'000};
  expect_end("resume", "refused the upgrade with 503: draining (again in 2s). It is draining",
             ExitCode::kUnavailable);
}

TEST_F(RoundTripTest, AResumeThatIsNoneIsFound) {
  world_.resumes = false;
  expect_end("resume",
             "The connection was not resumed: the client had seen up to event 5, and the "
             "gateway goes on with 1 in another sequence");
}

TEST_F(RoundTripTest, ContinuityThatIsLostIsSaid) {
  world_.lost_frame = true;
  expect_end("resume", "continuity is lost: expired");
}

TEST_F(RoundTripTest, GatewaysThatNameTheClientDifferentlyAreFound) {
  world_.same_key = false;
  expect_end("resume", "calls the connection bob:x, the first called it alice:x");
}

TEST_F(RoundTripTest, AReplayOutOfOrderIsFound) {
  world_.swap_after_resume = true;
  expect_end("resume", "Out of order: event 7 came where 6 was due");
}

TEST_F(RoundTripTest, AnotherCloseCodeIsFound) {
  world_.close_code = 1011;
  expect_end("close", "answered with 1011 (a defect of the gateway");
}

TEST_F(RoundTripTest, ACloseThatTheCoordinatorDoesNotHearOfIsFound) {
  world_.ends = false;
  expect_end("close", "the coordinator still shows PROCESSING_READY");
}

TEST_F(RoundTripTest, AcknowledgementsThatGetLostAreFound) {
  world_.notes_acknowledgements = false;
  expect_end("close", "acknowledged event 11 and the coordinator has noted 0");
}

}  // namespace
}  // namespace interlock
