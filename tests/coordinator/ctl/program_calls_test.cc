// What interlockctl answers, and with which exit code, when it asks once.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "fake_admin.h"
#include "program.h"
#include "tests/support/free_port.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

using Variables = std::map<std::string, std::string>;

v1::Connection alice() {
  v1::Connection connection;
  connection.set_key("alice:tab-1");
  connection.set_subject("alice");
  connection.set_state(v1::PROCESSING);
  connection.set_generation(1'700'000'000'000'042);
  connection.set_owner("0123456789abcdef0123456789abcdef");
  connection.set_last_seq(7);
  connection.set_acknowledged(5);
  connection.set_outbox_events(2);
  connection.set_changed_unix_ms(1'700'000'000'123);
  return connection;
}

class Ctl : public testing::Test {
 protected:
  Ctl() { admin_.connections.push_back(alice()); }

  Finished run(std::vector<std::string> arguments, const Variables& variables = {},
               bool terminal = false) {
    arguments.insert(arguments.begin(), {interlockctl_path(), "--coordinator", admin_.address()});
    return Program(arguments, variables, terminal).finish();
  }

  // Every call is answered with it.
  Finished get_answered_with(const grpc::Status& status) {
    admin_.gate = [status](grpc::ServerContext&) { return status; };
    return run({"get", "alice:tab-1"});
  }

  FakeAdmin admin_;
};

// One sentence, or two, on one line.
MATCHER(IsOneLine, "") {
  return arg.starts_with("interlockctl: ") && arg.ends_with(".\n") &&
         arg.find('\n') == arg.size() - 1;
}

Finished run_alone(std::vector<std::string> arguments, const Variables& variables = {}) {
  arguments.insert(arguments.begin(), interlockctl_path());
  return Program(arguments, variables).finish();
}

TEST_F(Ctl, GetShowsEverythingOfAConnection) {
  const Finished got = run({"get", "alice:tab-1"});
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_THAT(got.err, IsEmpty());
  EXPECT_THAT(got.out, HasSubstr("key             alice:tab-1\n"));
  EXPECT_THAT(got.out, HasSubstr("state           PROCESSING\n"));
  EXPECT_THAT(got.out, HasSubstr("owner           0123456789abcdef0123456789abcdef\n"));
  EXPECT_THAT(got.out, HasSubstr("changed         2023-11-14 22:13:20.123 ("));
  EXPECT_THAT(got.out, HasSubstr("observed"));
  EXPECT_EQ(admin_.last_get().consistency(), v1::OBSERVED);
}

TEST_F(Ctl, LatestAsksTheStore) {
  const Finished got = run({"get", "--latest", "alice:tab-1"});
  EXPECT_THAT(got.out, HasSubstr("latest: checked with the store"));
  EXPECT_EQ(admin_.last_get().consistency(), v1::LATEST);
}

TEST_F(Ctl, JsonReadsBackAsTheSameMessage) {
  const Finished got = run({"--json", "get", "alice:tab-1"});
  EXPECT_EQ(got.exit_code, 0);
  v1::Connection read;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(got.out, &read).ok()) << got.out;
  EXPECT_EQ(read.SerializeAsString(), alice().SerializeAsString());
  EXPECT_THAT(got.out, HasSubstr("\"owner_attached\":false"));
}

TEST_F(Ctl, HistoryIsATableOfTransitions) {
  v1::HistoryEntry entry;
  entry.set_number(3);
  entry.set_from(v1::PROCESSING_READY);
  entry.set_to(v1::PROCESSING);
  entry.set_actor(v1::BACKEND);
  entry.set_reason(v1::RUN_OPENED);
  entry.set_generation(42);
  entry.set_time_unix_ms(1'700'000'000'123);
  entry.set_count(4);
  admin_.entries.push_back(entry);
  const Finished got = run({"history", "alice:tab-1"});
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_EQ(got.out,
            "NUMBER  TIME                     TRANSITION                      PAIRS  ACTOR    "
            "REASON      GENERATION  NOTE\n"
            "     3  2023-11-14 22:13:20.123  PROCESSING_READY -> PROCESSING  x4     backend  "
            "run opened          42\n");
  const Finished json = run({"history", "alice:tab-1", "--json"});
  v1::HistoryEntry read;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json.out, &read).ok()) << json.out;
  EXPECT_EQ(read.SerializeAsString(), entry.SerializeAsString());
}

TEST_F(Ctl, TheEnvironmentNamesTheCoordinatorToo) {
  const Finished got =
      run_alone({"get", "alice:tab-1"}, {{"INTERLOCK_COORDINATOR", admin_.address()}});
  EXPECT_EQ(got.exit_code, 0) << got.err;
}

TEST_F(Ctl, AnUnknownKeyIsExitCode3) {
  for (const char* verb : {"get", "history"}) {
    const Finished got = run({verb, "nobody:x"});
    EXPECT_EQ(got.exit_code, 3);
    EXPECT_THAT(got.out, IsEmpty());
    EXPECT_THAT(got.err, IsOneLine());
    EXPECT_THAT(got.err, HasSubstr("There is no record of nobody:x"));
  }
}

TEST_F(Ctl, ARefusalIsExitCode4AndSaysWhy) {
  v1::Refusal refusal;
  refusal.mutable_stale_generation()->set_current_generation(43);
  const Finished got = get_answered_with(refuse_with(grpc::ABORTED, refusal));
  EXPECT_EQ(got.exit_code, 4);
  EXPECT_THAT(got.err, IsOneLine());
  EXPECT_THAT(got.err, HasSubstr("generation 43 is the current one"));
  for (const auto code : {grpc::ALREADY_EXISTS, grpc::FAILED_PRECONDITION, grpc::ABORTED}) {
    EXPECT_EQ(get_answered_with(grpc::Status(code, "no")).exit_code, 4);
  }
}

TEST_F(Ctl, ADefectOfTheCoordinatorIsExitCode1) {
  const Finished got = get_answered_with(grpc::Status(grpc::INTERNAL, "broken\x1b[2J"));
  EXPECT_EQ(got.exit_code, 1);
  EXPECT_THAT(got.err, IsOneLine());
  EXPECT_THAT(got.err, HasSubstr("broken\\x1b[2J"));
}

TEST_F(Ctl, NonsenseIsExitCode2AndIsNotSent) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"get"},
                                                    {"frobnicate"},
                                                    {"list", "--limit=0"},
                                                    {"list", "--all"}}) {
    const Finished got = run(arguments);
    EXPECT_EQ(got.exit_code, 2);
    EXPECT_THAT(got.err, testing::StartsWith("interlockctl: "));
  }
  EXPECT_EQ(run({}).exit_code, 2);
  EXPECT_THAT(admin_.list_requests(), IsEmpty());
}

TEST_F(Ctl, AnAbsentStoreIsExitCode5) {
  v1::Refusal refusal;
  refusal.mutable_store_away();
  const Finished got = get_answered_with(refuse_with(grpc::UNAVAILABLE, refusal));
  EXPECT_EQ(got.exit_code, 5);
  EXPECT_THAT(got.err, HasSubstr("cannot reach its store"));
}

TEST(CtlAlone, NobodyAtTheAddressIsExitCode5AtOnce) {
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  for (const char* verb : {"list", "watch"}) {
    const auto begin = std::chrono::steady_clock::now();
    const Finished got = run_alone({"--coordinator", address, "--timeout=20s", verb});
    EXPECT_EQ(got.exit_code, 5);
    EXPECT_THAT(got.out, IsEmpty());
    EXPECT_THAT(got.err, IsOneLine());
    EXPECT_THAT(got.err, HasSubstr("Cannot reach " + address));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
  }
}

TEST_F(Ctl, NoAnswerIsExitCode5AfterTheTimeout) {
  admin_.gate = [this](grpc::ServerContext& context) {
    admin_.hold(context);
    return grpc::Status::CANCELLED;
  };
  const Finished got = run({"--timeout=300ms", "get", "alice:tab-1"});
  EXPECT_EQ(got.exit_code, 5);
  EXPECT_THAT(got.err, IsOneLine());
  EXPECT_THAT(got.err, HasSubstr("within 300ms"));
}

// Accepts connections and never says a word, as a stopped process does.
TEST(CtlAlone, SomebodyWhoNeverSaysAWordIsExitCode5AfterTheTimeout) {
  const int port = free_port();
  const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(listening, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listening, 8), 0);
  for (const char* verb : {"list", "watch"}) {
    const Finished got =
        run_alone({"--coordinator", "127.0.0.1:" + std::to_string(port), "--timeout=300ms", verb});
    EXPECT_EQ(got.exit_code, 5) << verb;
    EXPECT_THAT(got.err, HasSubstr("within 300ms")) << verb;
  }
  close(listening);
}

class CtlToken : public Ctl {
 protected:
  CtlToken() : path_(testing::TempDir() + "/ctl_program_test." + std::to_string(getpid())) {
    admin_.gate = check_token;
  }
  ~CtlToken() override { std::remove(path_.c_str()); }

  Finished get_with(const std::string& token) {
    std::ofstream(path_) << token << '\n';
    return run({"--token_file", path_, "get", "alice:tab-1"});
  }

  std::string path_;
};

TEST_F(CtlToken, TheTokenOfTheFileOpensTheDoor) {
  EXPECT_EQ(get_with("reader").exit_code, 0);
  EXPECT_EQ(run({"get", "alice:tab-1"}, {{"INTERLOCK_TOKEN_FILE", path_}}).exit_code, 0);
}

TEST_F(CtlToken, AnIdTokenOpensGooglesFrontEndAndSaysWhoIsAskingIfNothingElseDoes) {
  const auto serverless = [this](const std::string& expected) {
    admin_.gate = [expected](grpc::ServerContext& context) {
      const auto found = context.client_metadata().find("x-serverless-authorization");
      const bool there = found != context.client_metadata().end() && found->second == expected;
      return there ? check_token(context) : grpc::Status(grpc::UNAUTHENTICATED, "no passage");
    };
  };
  std::ofstream(path_) << "reader\n";
  serverless("Bearer reader");
  EXPECT_EQ(run({"--identity_token_file", path_, "get", "alice:tab-1"}).exit_code, 0);
  EXPECT_EQ(run({"get", "alice:tab-1"}, {{"INTERLOCK_IDENTITY_TOKEN_FILE", path_}}).exit_code, 0);

  const std::string passage = path_ + ".passage";
  std::ofstream(passage) << "passage";
  serverless("Bearer passage");
  EXPECT_EQ(run({"--identity_token_file", passage, "--token_file", path_, "get", "alice:tab-1"})
                .exit_code,
            0);
  const Finished unknown = run({"--identity_token_file", passage, "get", "alice:tab-1"});
  EXPECT_THAT(unknown.err, HasSubstr("does not accept the token in " + passage));
  std::remove(passage.c_str());
}

TEST_F(CtlToken, NoTokenAnUnknownOneAndOneWithoutTheRoleAreToldApart) {
  const Finished none = run({"get", "alice:tab-1"});
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.err, HasSubstr("--token_file=FILE"));
  const Finished unknown = get_with("guessed");
  EXPECT_EQ(unknown.exit_code, 4);
  EXPECT_THAT(unknown.err, HasSubstr("does not accept the token in " + path_));
  const Finished powerless = get_with("publisher");
  EXPECT_EQ(powerless.exit_code, 4);
  EXPECT_THAT(powerless.err, HasSubstr("needs the role READER or OPERATOR"));
  for (const Finished& refused : {none, unknown, powerless}) EXPECT_THAT(refused.err, IsOneLine());
}

TEST_F(CtlToken, AWatchIsRefusedLikeAnythingElse) {
  const Finished got = run({"watch"});
  EXPECT_EQ(got.exit_code, 4);
  EXPECT_THAT(got.err, IsOneLine());
}

TEST_F(CtlToken, ATokenFileThatCannotBeReadIsExitCode2) {
  const Finished got = run({"--token_file=/nonexistent/token", "get", "alice:tab-1"});
  EXPECT_EQ(got.exit_code, 2);
  EXPECT_THAT(got.err, HasSubstr("/nonexistent/token"));
}

TEST(CtlAlone, LifecycleVersionAndHelpNeedNoCoordinator) {
  const Variables nobody{{"INTERLOCK_COORDINATOR", "127.0.0.1:1"}};
  EXPECT_THAT(run_alone({"lifecycle"}, nobody).out, HasSubstr("CLOSING ──────────▶ CLOSED\n"));
  EXPECT_THAT(run_alone({"lifecycle"}, {{"LC_ALL", "C"}}).out,
              HasSubstr("CLOSING ----------> CLOSED\n"));
  EXPECT_THAT(run_alone({"--json", "lifecycle"}, nobody).out,
              HasSubstr(R"({"state":"CLOSING","phase":"ending","to":["CLOSED"]})"));
  EXPECT_THAT(run_alone({"version"}, nobody).out, MatchesRegex("interlockctl [0-9.]+\n"));
  EXPECT_THAT(run_alone({"--version"}, nobody).out, MatchesRegex("interlockctl [0-9.]+\n"));
  EXPECT_THAT(run_alone({"help"}, nobody).out, HasSubstr("history KEY"));
  EXPECT_THAT(run_alone({"get", "--help"}, nobody).out, HasSubstr("Examples:\n"));
  EXPECT_EQ(run_alone({"help", "frobnicate"}, nobody).exit_code, 2);
}

TEST_F(Ctl, ColourIsForTerminalsWhoseUsersWantIt) {
  const std::vector<std::string> get{"get", "alice:tab-1"};
  EXPECT_THAT(run(get, {}, true).out, HasSubstr("\x1b[32mPROCESSING\x1b[0m"));
  EXPECT_THAT(run(get, {{"NO_COLOR", "1"}}, true).out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(run(get, {{"TERM", "dumb"}}, true).out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(run(get).out, Not(HasSubstr("\x1b")));
}

TEST_F(Ctl, AnAnswerThatCannotBeWrittenIsExitCode1) {
  const std::string command =
      interlockctl_path() + " --coordinator " + admin_.address() + " get alice:tab-1 > /dev/full";
  const Finished got = Program({"/bin/sh", "-c", command}).finish();
  EXPECT_EQ(got.exit_code, 1);
  EXPECT_THAT(got.err, HasSubstr("Cannot write the answer: No space left on device."));
}

}  // namespace
}  // namespace interlock
