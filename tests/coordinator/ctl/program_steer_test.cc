// interlockctl kick, release, gateway drain: what changes something, and how it is said.
#include "program_case.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

v1::KickResponse kicked(const std::string& key) {
  v1::KickResponse answer;
  answer.mutable_kicked()->set_key(key);
  answer.mutable_kicked()->set_generation(42);
  return answer;
}

v1::KickResponse refused(const std::string& key) {
  v1::KickResponse answer = kicked(key);
  answer.mutable_kicked()->mutable_refusal()->mutable_stale_generation()->set_current_generation(
      43);
  return answer;
}

v1::KickResponse totals(std::uint64_t kicked, std::uint64_t refused) {
  v1::KickResponse answer;
  answer.mutable_done()->set_kicked(kicked);
  answer.mutable_done()->set_refused(refused);
  return answer;
}

v1::ListGatewaysResponse look(std::uint64_t connections) {
  v1::ListGatewaysResponse answer;
  v1::GatewayInfo& gateway = *answer.add_gateways();
  gateway.set_gateway_id("3f1c");
  gateway.set_connections(connections);
  gateway.set_draining_per_s(20);
  return answer;
}

class CtlSteer : public ProgramCase {};

TEST_F(CtlSteer, ADryRunOfAKickOnlySaysWhoItWouldBe) {
  admin_.kicks = {kicked("alice:a"), kicked("alice:b"), totals(2, 0)};
  const Finished got = run({"kick", "--filter=subject = alice", "--dry_run"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out, "alice:a  would be kicked\nalice:b  would be kicked\n");
  EXPECT_EQ(got.err, "Dry run: 2 kicked, 0 not.\n");
  EXPECT_TRUE(admin_.last_kick().dry_run());
  EXPECT_EQ(admin_.last_kick().filter(), "subject = alice");
  const Finished json = run({"--json", "kick", "--filter=subject = alice", "--dry_run"});
  expect_json(json.out, admin_.kicks);
  EXPECT_THAT(json.err, IsEmpty());
}

TEST_F(CtlSteer, AKickThatWasRefusedIsExitCode4AndSaysWhy) {
  admin_.kicks = {refused("alice:a"), totals(0, 1)};
  const Finished got = run({"kick", "alice:a", "--generation=42", "--reason=x", "--code=4510"});
  EXPECT_EQ(got.exit_code, 4);
  EXPECT_THAT(got.out, HasSubstr("alice:a  not kicked: "));
  EXPECT_THAT(got.err, HasSubstr("generation 43 is the current one"));
  EXPECT_EQ(admin_.last_kick().generation(), 42u);
  EXPECT_EQ(admin_.last_kick().code(), 4510u);
}

TEST_F(CtlSteer, AKickOfManyGoesOnBehindOneThatWasRefused) {
  admin_.kicks = {refused("alice:a"), kicked("bob:b"), totals(1, 1)};
  const Finished got = run({"kick", "--all", "--reason=x", "--may_return"});
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_THAT(got.out, HasSubstr("bob:b  kicked\n"));
  EXPECT_EQ(got.err, "1 kicked, 1 not.\n");
  EXPECT_TRUE(admin_.last_kick().all());
  EXPECT_TRUE(admin_.last_kick().may_return());
}

TEST_F(CtlSteer, AReleaseNamesTheGenerationThatWasSeen) {
  const Finished got = run({"release", "alice:a", "--generation=42", "--reason=stuck"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.err, "It has no owner any more.\n");
  EXPECT_EQ(admin_.last_release().generation(), 42u);
  EXPECT_EQ(admin_.last_release().reason(), "stuck");
  EXPECT_EQ(run({"--json", "release", "alice:a", "--reason=stuck"}).out, "{}\n");
  v1::Refusal refusal;
  refusal.mutable_stale_generation()->set_current_generation(43);
  admin_.release_end = refuse_with(grpc::ABORTED, refusal);
  EXPECT_EQ(run({"release", "alice:a", "--generation=42", "--reason=stuck"}).exit_code, 4);
}

TEST_F(CtlSteer, ADrainThatIsWaitedForSaysHowFarItIs) {
  admin_.gateway_looks = {look(2), look(2), look(1), look(0)};
  const Finished got = run({"gateway", "drain", "3f1c", "--per_s=20", "--reason=x", "--wait"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_THAT(lines_in(got.err),
              ElementsAre("2 connections left.", "1 connections left.", "0 connections left."));
  EXPECT_THAT(got.out, IsEmpty());
  EXPECT_EQ(admin_.last_drain().per_s(), 20u);
}

TEST_F(CtlSteer, ADrainInJsonIsALookALine) {
  admin_.gateway_looks = {look(2), look(1), look(0)};
  const Finished got = run({"--json", "gateway", "drain", "3f1c", "--reason=x", "--wait"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  expect_json<v1::GatewayInfo>(got.out,
                               {look(2).gateways(0), look(1).gateways(0), look(0).gateways(0)});
  admin_.gateway_looks = {look(2)};
  const Finished at_once = run({"--json", "gateway", "drain", "3f1c", "--reason=x"});
  EXPECT_EQ(read_json<v1::DrainGatewayResponse>(at_once.out).connections(), 2u);
}

TEST_F(CtlSteer, AGatewayThatIsGoneIsEmpty) {
  const Finished got = run({"gateway", "drain", "3f1c", "--reason=x", "--wait"});
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_EQ(got.err, "0 connections left.\n");
}

}  // namespace
}  // namespace interlock
