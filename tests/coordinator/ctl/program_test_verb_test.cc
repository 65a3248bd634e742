// interlockctl test, where it ends before it has a gateway to talk to.
#include <boost/json.hpp>

#include "program_case.h"
#include "tests/support/free_port.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class CtlTest : public ProgramCase {
 protected:
  CtlTest() { admin_.stats_looks.emplace_back().set_gateways(1); }

  const std::string nobody_ = "ws://127.0.0.1:" + std::to_string(free_port());
};

TEST_F(CtlTest, AGatewayThatCannotBeReachedIsExitCode5AndNamed) {
  const Finished got = run({"test", nobody_});
  EXPECT_EQ(got.exit_code, 5);
  const auto lines = lines_in(got.out);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], StartsWith("✓ coordinator"));
  EXPECT_THAT(lines[1], StartsWith("✗ connect"));
  EXPECT_THAT(lines[1], HasSubstr("Cannot reach the gateway at " + nobody_ +
                                  "/ws (Connection "
                                  "refused)"));
  EXPECT_EQ(got.err, "interlockctl: The test ended at the step `connect`; its line says why.\n");
}

TEST_F(CtlTest, InJsonItIsAnObjectForEachStep) {
  const Finished got = run({"--json", "test", nobody_});
  const auto lines = lines_in(got.out);
  ASSERT_THAT(lines, SizeIs(2));
  const auto first = boost::json::parse(lines[0]).as_object();
  EXPECT_EQ(first.at("step"), "coordinator");
  EXPECT_TRUE(first.at("ok").as_bool());
  EXPECT_GE(first.at("ms").as_int64(), 0);
  const auto second = boost::json::parse(lines[1]).as_object();
  EXPECT_EQ(second.at("step"), "connect");
  EXPECT_FALSE(second.at("ok").as_bool());
  EXPECT_THAT(std::string(second.at("text").as_string().c_str()), HasSubstr("Cannot reach"));
}

TEST_F(CtlTest, WhereUtf8IsUnknownTheTicksAreWords) {
  const Finished got = run({"test", nobody_}, {{"LC_ALL", "C"}});
  EXPECT_THAT(lines_in(got.out).front(), StartsWith("ok coordinator"));
  EXPECT_THAT(lines_in(got.out).back(), StartsWith("FAILED connect"));
}

// It speaks, but not HTTP/1.1.
TEST_F(CtlTest, SomebodyWhoIsNoGatewayIsNamed) {
  const Finished got = run({"test", "ws://" + admin_.address(), "--patience=2s"});
  EXPECT_EQ(got.exit_code, 5);
  EXPECT_THAT(got.out, HasSubstr("no answer to the upgrade"));
}

TEST_F(CtlTest, AnUnknownTokenIsExitCode4) {
  admin_.gate = check_token;
  const Finished got = run({"test", nobody_});
  EXPECT_EQ(got.exit_code, 4);
  EXPECT_THAT(got.out, HasSubstr("give a token with --token_file=FILE"));
}

TEST_F(CtlTest, NonsenseIsExitCode2) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"test"},
        {"test", "http://h"},
        {"test", nobody_, "--events=1000"},
        {"test", nobody_, "--session=a:b"},
        {"test", nobody_, "--client_token_file=/nonexistent"},
        {"test", nobody_, "--patience=1h"}}) {
    EXPECT_EQ(run(arguments).exit_code, 2);
  }
}

}  // namespace
}  // namespace interlock
