// interlockctl list: more connections than fit on a page, and readers who have seen enough.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "fake_admin.h"
#include "program.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class CtlList : public testing::Test {
 protected:
  // `count` connections, every third of them CLOSED.
  void fill(int count, std::size_t key_bytes = 0) {
    for (int i = 0; i < count; ++i) {
      v1::Connection connection;
      std::string key = fmt::format("user-{:04}:s", i);
      if (key.size() < key_bytes) key.append(key_bytes - key.size(), 'x');
      connection.set_key(key);
      connection.set_state(i % 3 == 0 ? v1::CLOSED : v1::IDLE);
      connection.set_generation(1'700'000'000'000'000 + static_cast<std::uint64_t>(i));
      admin_.connections.push_back(connection);
    }
  }

  Finished list(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(),
                     {interlockctl_path(), "--coordinator", admin_.address(), "list"});
    return Program(arguments).finish();
  }

  FakeAdmin admin_;
};

TEST_F(CtlList, PagesThroughAllOfThem) {
  fill(450);
  const Finished got = list();
  EXPECT_EQ(got.exit_code, 0) << got.err;
  const std::vector<std::string> lines = lines_of(got.out);
  ASSERT_THAT(lines, SizeIs(451));
  EXPECT_THAT(lines[0], StartsWith("KEY"));
  for (int i = 0; i < 450; ++i) {
    EXPECT_THAT(lines[static_cast<std::size_t>(i) + 1],
                StartsWith(fmt::format("user-{:04}:s ", i)));
  }
  EXPECT_THAT(admin_.list_requests(), SizeIs(3));
}

TEST_F(CtlList, JsonIsOneObjectALine) {
  fill(450);
  const Finished got = list({"--json"});
  const std::vector<std::string> lines = lines_of(got.out);
  ASSERT_THAT(lines, SizeIs(450));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    v1::Connection read;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(lines[i], &read).ok()) << lines[i];
    EXPECT_EQ(read.SerializeAsString(), admin_.connections[i].SerializeAsString());
  }
}

TEST_F(CtlList, LiveLeavesOutWhatHasEnded) {
  fill(450);
  const Finished got = list({"--live"});
  EXPECT_THAT(lines_of(got.out), SizeIs(301));
  EXPECT_THAT(got.out, Not(HasSubstr("CLOSED")));
}

TEST_F(CtlList, ALimitAsksForNoMoreThanItNeeds) {
  fill(450);
  EXPECT_THAT(lines_of(list({"--limit", "250"}).out), SizeIs(251));
  const std::vector<v1::ListRequest> requests = admin_.list_requests();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[0].page_size(), 200u);
  EXPECT_EQ(requests[1].page_size(), 50u);
}

TEST_F(CtlList, NoConnectionsAreNoFailure) {
  const Finished got = list();
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_THAT(got.out, IsEmpty());
  EXPECT_EQ(got.err, "There are no connections.\n");
  EXPECT_THAT(list({"--json"}).err, IsEmpty());
}

TEST_F(CtlList, AListThatNeverEndsIsNoticed) {
  fill(3);
  admin_.never_ends = true;
  const Finished got = list();
  EXPECT_EQ(got.exit_code, 1);
  EXPECT_THAT(got.err, HasSubstr("the same page twice"));
}

TEST_F(CtlList, AFailureBehindTheFirstPageIsNoCompleteList) {
  fill(450);
  int calls = 0;
  admin_.gate = [&calls](grpc::ServerContext&) {
    return ++calls == 1 ? grpc::Status::OK : grpc::Status(grpc::UNAVAILABLE, "going away");
  };
  const Finished got = list();
  EXPECT_EQ(got.exit_code, 5);
  EXPECT_THAT(lines_of(got.out), SizeIs(201));
  EXPECT_THAT(got.err, HasSubstr("going away"));
}

TEST_F(CtlList, AKeyCannotPaintTheTerminal) {
  v1::Connection evil;
  evil.set_key("\x1b[2J\n\u202e");
  admin_.connections.push_back(evil);
  const Finished got = list();
  EXPECT_THAT(lines_of(got.out), SizeIs(2));
  EXPECT_THAT(got.out, HasSubstr("\\x1b[2J\\n\\u202e"));
}

// Keys as long as they get: what is left to print does not fit into a pipe.
TEST_F(CtlList, AReaderWhoHasSeenEnoughIsNoFailure) {
  fill(2000, 240);
  const std::string command = interlockctl_path() + " --coordinator " + admin_.address() +
                              " list | head -1; echo exit ${PIPESTATUS[0]}";
  const Finished got = Program({"/bin/bash", "-c", command}).finish();
  const std::vector<std::string> lines = lines_of(got.out);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], StartsWith("KEY"));
  EXPECT_EQ(lines[1], "exit 0");
  EXPECT_THAT(got.err, IsEmpty());
  EXPECT_LT(admin_.list_requests().size(), 10u);
}

}  // namespace
}  // namespace interlock
