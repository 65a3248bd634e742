// interlockctl publish, delivery, outbox: events from an operator's hand.
#include "program_case.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::SizeIs;

v1::DeliveryStatus status(v1::DeliveryStatus::Status what) {
  v1::DeliveryStatus status;
  status.set_status(what);
  status.set_sequence(7);
  return status;
}

class CtlEvents : public ProgramCase {
 protected:
  CtlEvents() {
    know("alice:a");
    admin_.events.receipt.set_sequence(7);
    admin_.events.receipt.set_sequence_since(41);
    admin_.events.receipt.set_state(v1::PROCESSING_READY);
  }

  v1::PublishRequest published() {
    EXPECT_THAT(admin_.events.published(), SizeIs(1));
    return admin_.events.published().empty() ? v1::PublishRequest()
                                             : admin_.events.published().front();
  }
};

TEST_F(CtlEvents, APublishPrintsItsReceiptAndSaysTheKeyThatItMadeUp) {
  const Finished got = run({"publish", "alice:a", "note", "{\"n\":1}"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out,
            "sequence        7\n"
            "sequence since  generation 41\n"
            "state           PROCESSING_READY\n");
  const v1::PublishRequest sent = published();
  EXPECT_EQ(sent.key(), "alice:a");
  EXPECT_EQ(sent.type(), "note");
  EXPECT_EQ(sent.payload(), "{\"n\":1}");
  EXPECT_THAT(sent.idempotency_key(), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_THAT(got.err, HasSubstr("idempotency key is " + sent.idempotency_key()));
}

TEST_F(CtlEvents, AKeyThatWasGivenIsSentAndNothingIsSaid) {
  admin_.events.receipt.set_repeated(true);
  const Finished got =
      run({"publish", "alice:a", "note", "null", "--idempotency_key=k1", "--ttl=90s"});
  EXPECT_EQ(published().idempotency_key(), "k1");
  EXPECT_EQ(published().ttl_ms(), 90'000u);
  EXPECT_THAT(got.err, IsEmpty());
  EXPECT_THAT(got.out, HasSubstr("repeated        yes"));
}

TEST_F(CtlEvents, AnEventOfARunHasItsNumber) {
  const Finished got =
      run({"--json", "publish", "alice:a", "agent_started", "{}", "--run=r1", "--number=1"});
  EXPECT_EQ(published().run(), "r1");
  EXPECT_EQ(published().number(), 1u);
  EXPECT_EQ(published().idempotency_key(), "");
  EXPECT_THAT(got.err, IsEmpty());
  expect_json<v1::Receipt>(got.out, {admin_.events.receipt});
}

TEST_F(CtlEvents, DataMayComeFromAPipe) {
  EXPECT_EQ(run_shell("echo ' [1,2]' | $ctl publish alice:a note").exit_code, 0);
  EXPECT_EQ(published().payload(), "[1,2]");
  EXPECT_EQ(run_shell("printf 7 | $ctl publish alice:a note -").exit_code, 0);
  EXPECT_EQ(admin_.events.published().back().payload(), "7");
}

TEST_F(CtlEvents, WhoeverSitsAtATerminalIsToldThatDataIsReadThere) {
  Program program(
      {interlockctl_path(), "--coordinator", admin_.address(), "publish", "alice:a", "note"}, {},
      true);
  program.type("{\"n\":1}\n\x04");
  const Finished got = program.finish();
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_THAT(got.err, HasSubstr("Ctrl-D ends it"));
  EXPECT_EQ(published().payload(), "{\"n\":1}");
}

TEST_F(CtlEvents, WhatIsNotOneJsonValueIsExitCode2AndIsNotSent) {
  for (const std::vector<std::string>& data :
       {std::vector<std::string>{"hello"}, {"{\"n\":1} {}"}, {"\xff"}, {" "}, {}}) {
    std::vector<std::string> arguments{"publish", "alice:a", "note"};
    arguments.insert(arguments.end(), data.begin(), data.end());
    const Finished got = run(arguments);
    EXPECT_EQ(got.exit_code, 2);
    EXPECT_THAT(got.err, HasSubstr("data"));
    EXPECT_THAT(lines_in(got.err), SizeIs(1));
  }
  const Finished long_one = run_shell(
      "(echo '\"'; head -c 70000 /dev/zero | tr '\\0' a; echo '\"') | $ctl publish alice:a note");
  EXPECT_EQ(long_one.exit_code, 2);
  EXPECT_THAT(long_one.err, HasSubstr("longer than 65536 bytes"));
  EXPECT_THAT(admin_.events.published(), IsEmpty());
}

TEST_F(CtlEvents, ANameThatIsHalfGivenIsExitCode2) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--run=r1"},
        {"--number=1"},
        {"--ttl=soon"},
        {"--ttl=0s"},
        {"--run=r1", "--number=1", "--idempotency_key=k"}}) {
    std::vector<std::string> arguments{"publish", "alice:a", "note", "{}"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    EXPECT_EQ(run(arguments).exit_code, 2);
  }
  EXPECT_THAT(admin_.events.published(), IsEmpty());
}

TEST_F(CtlEvents, ARefusedPublishIsExitCode4AndSaysWhy) {
  v1::Refusal refusal;
  refusal.mutable_out_of_order()->set_last_number(3);
  admin_.events.gate = [&](grpc::ServerContext&) {
    return refuse_with(grpc::OUT_OF_RANGE, refusal);
  };
  const Finished got = run({"publish", "alice:a", "x", "1", "--run=r", "--number=9"});
  EXPECT_EQ(got.exit_code, 4);
  EXPECT_THAT(got.err, HasSubstr("Go on with 4."));
}

TEST_F(CtlEvents, DeliveryAsksForTheLifeOfTheKeyThatGoesOn) {
  admin_.events.statuses = {status(v1::DeliveryStatus::ACKNOWLEDGED)};
  const Finished got = run({"delivery", "alice:a", "7"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out, "acknowledged  the client has it\n");
  EXPECT_EQ(admin_.events.last_look().sequence_since(), 41u);
  run({"delivery", "alice:a", "7", "--since=17"});
  EXPECT_EQ(admin_.events.last_look().sequence_since(), 17u);
}

TEST_F(CtlEvents, DeliveryCanBeFollowedToItsEnd) {
  admin_.events.statuses = {status(v1::DeliveryStatus::ACCEPTED), status(v1::DeliveryStatus::SENT),
                            status(v1::DeliveryStatus::ACKNOWLEDGED)};
  const Finished got = run({"delivery", "alice:a", "7", "--follow"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  const auto lines = lines_in(got.out);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[1], testing::StartsWith("sent"));
  const Finished json = run({"--json", "delivery", "alice:a", "7", "--follow"});
  expect_json(json.out, admin_.events.statuses);
}

TEST_F(CtlEvents, AnEventOfWhichNothingIsKnownIsExitCode3) {
  admin_.events.statuses = {status(v1::DeliveryStatus::UNKNOWN)};
  EXPECT_EQ(run({"delivery", "alice:a", "7"}).exit_code, 3);
  EXPECT_EQ(run({"delivery", "nobody:x", "7"}).exit_code, 3);
  EXPECT_EQ(run({"delivery", "alice:a", "seven"}).exit_code, 2);
}

class CtlOutbox : public CtlEvents {
 protected:
  void fill(std::uint64_t count) {
    for (std::uint64_t i = 1; i <= count; ++i) {
      v1::OutboxEntry& entry = admin_.waiting.emplace_back();
      entry.set_sequence(i);
      entry.set_type("note");
      entry.set_payload("{\"n\":" + std::to_string(i) + "}");
      entry.set_payload_bytes(entry.payload().size());
      entry.set_time_unix_ms(1'700'000'000'123);
    }
  }
};

TEST_F(CtlOutbox, ShowsEveryEventThatWaitsPageByPage) {
  fill(150);
  const Finished got = run({"outbox", "alice:a"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_THAT(lines_in(got.out), SizeIs(151));
  EXPECT_THAT(got.out, HasSubstr("150  2023-11-14 22:13:20.123  note  -    -    {\"n\":150}\n"));
  expect_json(run({"--json", "outbox", "alice:a"}).out, admin_.waiting);
  EXPECT_THAT(lines_in(run({"outbox", "alice:a", "--after=100", "--limit=20"}).out), SizeIs(21));
}

TEST_F(CtlOutbox, APayloadCannotPaintTheTerminal) {
  fill(1);
  admin_.waiting[0].set_payload("\"\x1b[2J\u202e\n\"");
  admin_.waiting[0].set_payload_bytes(90'000);
  const Finished got = run({"outbox", "alice:a"});
  EXPECT_THAT(got.out, HasSubstr("\"\\x1b[2J\\u202e\\n\" ... (88 KiB in all)\n"));
}

TEST_F(CtlOutbox, NothingThatWaitsIsNoFailure) {
  const Finished got = run({"outbox", "alice:a"});
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_THAT(got.out, IsEmpty());
  EXPECT_EQ(got.err, "No events wait.\n");
  EXPECT_EQ(run({"outbox", "nobody:x"}).exit_code, 3);
}

}  // namespace
}  // namespace interlock
