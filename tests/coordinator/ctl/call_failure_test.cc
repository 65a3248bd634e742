#include "coordinator/ctl/call_failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "coordinator/ctl/refusal.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::Not;

ToolSettings settings(const std::string& token_file = "") {
  return {.coordinator = {{"127.0.0.1", 7400}},
          .token_file = token_file,
          .json = false,
          .timeout = absl::Seconds(5)};
}

const Call get_alice{.method = "Get", .key = "alice:tab-1"};

Failure failure(grpc::StatusCode code, const std::string& message = "", bool reached = true) {
  return call_failure(grpc::Status(code, message), get_alice, settings(), reached);
}

// As the coordinator sends it.
grpc::Status refused(grpc::StatusCode code, const v1::Refusal& refusal) {
  v1::ErrorStatus error;
  error.set_code(code);
  error.add_details()->PackFrom(refusal);
  return {code, "for machines", error.SerializeAsString()};
}

std::string sentence(const v1::Refusal& refusal) {
  return call_failure(refused(grpc::ABORTED, refusal), get_alice, settings(), true).sentence;
}

TEST(CallFailure, TheExitCodeTellsTheClassesApart) {
  EXPECT_EQ(failure(grpc::NOT_FOUND).code, ExitCode::kNotFound);
  EXPECT_EQ(failure(grpc::INVALID_ARGUMENT).code, ExitCode::kUsage);
  for (const auto code :
       {grpc::UNAUTHENTICATED, grpc::PERMISSION_DENIED, grpc::FAILED_PRECONDITION, grpc::ABORTED,
        grpc::ALREADY_EXISTS, grpc::RESOURCE_EXHAUSTED, grpc::OUT_OF_RANGE}) {
    EXPECT_EQ(failure(code).code, ExitCode::kRefused) << code;
  }
  for (const auto code : {grpc::UNAVAILABLE, grpc::DEADLINE_EXCEEDED}) {
    EXPECT_EQ(failure(code).code, ExitCode::kUnavailable) << code;
  }
  for (const auto code : {grpc::INTERNAL, grpc::UNKNOWN, grpc::UNIMPLEMENTED, grpc::CANCELLED}) {
    EXPECT_EQ(failure(code).code, ExitCode::kFailed) << code;
  }
}

TEST(CallFailure, NobodyThereIsNotTheSameAsNotAvailable) {
  const std::string nobody =
      failure(grpc::UNAVAILABLE, "failed to connect: x: Connection refused", false).sentence;
  EXPECT_EQ(nobody,
            "Cannot reach 127.0.0.1:7400: is the coordinator running? --coordinator=HOST:PORT or "
            "INTERLOCK_COORDINATOR names another one (Connection refused).");
  EXPECT_EQ(failure(grpc::UNAVAILABLE, "draining").sentence,
            "The coordinator at 127.0.0.1:7400 is not available now (draining); try again in a "
            "moment.");
}

TEST(CallFailure, ADeadlineSaysHowLongItWasAndHowToWaitLonger) {
  EXPECT_THAT(failure(grpc::DEADLINE_EXCEEDED).sentence,
              HasSubstr("No answer from 127.0.0.1:7400 within 5s"));
}

TEST(CallFailure, PermissionDeniedIsInTheCoordinatorsWords) {
  EXPECT_EQ(failure(grpc::PERMISSION_DENIED, "Get needs the role READER").sentence,
            "Permission denied: Get needs the role READER; give another token with "
            "--token_file=FILE.");
  EXPECT_THAT(failure(grpc::PERMISSION_DENIED).sentence, HasSubstr("Get is not for everybody"));
}

TEST(CallFailure, WhoHasNoTokenIsToldToGiveOneWhoHasOneThatItIsNotAccepted) {
  const grpc::Status status(grpc::UNAUTHENTICATED, "no token");
  EXPECT_THAT(call_failure(status, get_alice, settings(), true).sentence,
              HasSubstr("--token_file=FILE or INTERLOCK_TOKEN_FILE"));
  EXPECT_THAT(call_failure(status, get_alice, settings("/run/token"), true).sentence,
              HasSubstr("does not accept the token in /run/token"));
}

TEST(CallFailure, NotFoundNamesTheKey) {
  EXPECT_THAT(failure(grpc::NOT_FOUND).sentence, HasSubstr("no record of alice:tab-1"));
}

TEST(CallFailure, WhatTheCoordinatorSaysCannotPaintTheTerminal) {
  EXPECT_THAT(failure(grpc::INTERNAL, "bad\x1b[2J\n").sentence, HasSubstr("bad\\x1b[2J\\n"));
  v1::Refusal refusal;
  refusal.mutable_not_now()->set_message("full\x1b[2J");
  EXPECT_THAT(sentence(refusal), HasSubstr("full\\x1b[2J"));
}

TEST(Refusal, DetailsOutrankTheMessage) {
  v1::Refusal refusal;
  refusal.mutable_stale_generation()->set_current_generation(42);
  EXPECT_EQ(sentence(refusal),
            "The connection has moved on: generation 42 is the current one. Look at it with "
            "interlockctl get alice:tab-1.");
}

TEST(Refusal, AnIllegalTransitionNamesWhatIsAllowed) {
  v1::Refusal refusal;
  auto& illegal = *refusal.mutable_illegal_transition();
  illegal.set_current(v1::CONNECTING);
  illegal.set_requested(v1::SERVICES_READY);
  illegal.add_allowed(v1::ACCEPTED);
  illegal.add_allowed(v1::FAILED);
  EXPECT_EQ(sentence(refusal),
            "A connection in CONNECTING cannot go to SERVICES_READY; from there it may go to "
            "ACCEPTED, FAILED.");
}

TEST(Refusal, WaitingIsSpeltAsATime) {
  v1::Refusal refusal;
  refusal.mutable_store_away()->set_after_ms(1500);
  EXPECT_THAT(sentence(refusal), HasSubstr("Try again in 2s."));
  refusal.mutable_store_away()->set_after_ms(0);
  EXPECT_THAT(sentence(refusal), HasSubstr("Try again in a moment."));
}

// So that a reason added to the proto file is not answered with the last one's sentence.
TEST(Refusal, EachReasonHasASentenceOfItsOwn) {
  std::set<std::string> sentences;
  const auto* reasons = v1::Refusal::descriptor()->oneof_decl(0);
  for (int i = 0; i < reasons->field_count(); ++i) {
    v1::Refusal refusal;
    refusal.GetReflection()->MutableMessage(&refusal, reasons->field(i));
    const std::string text = sentence(refusal);
    EXPECT_TRUE(text.ends_with(".")) << text;
    sentences.insert(text);
  }
  // STALE and STALE_GENERATION mean the same to an operator.
  EXPECT_EQ(sentences.size(), static_cast<std::size_t>(reasons->field_count() - 1));
}

TEST(Refusal, DetailsOfAnotherKindAreIgnored) {
  v1::ErrorStatus error;
  error.add_details()->PackFrom(v1::ErrorStatus());
  const grpc::Status status(grpc::ABORTED, "the message", error.SerializeAsString());
  EXPECT_FALSE(refusal_in(status).has_value());
  EXPECT_FALSE(refusal_in(grpc::Status(grpc::ABORTED, "", "not a message")).has_value());
  EXPECT_THAT(call_failure(status, get_alice, settings(), true).sentence, HasSubstr("the message"));
}

TEST(Refusal, TheSentenceIsNotForMachines) {
  v1::Refusal refusal;
  refusal.mutable_gone()->set_state(v1::CLOSED);
  EXPECT_THAT(sentence(refusal), Not(HasSubstr("for machines")));
}

}  // namespace
}  // namespace interlock
