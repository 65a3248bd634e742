#include "coordinator/ctl/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "interlock/v1/admin.pb.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Json, FieldsAreNamedAsInTheProtoFilesAndAreAllThere) {
  v1::Connection connection;
  connection.set_key("alice:tab-1");
  connection.set_state(v1::PROCESSING_READY);
  const std::string line = json_line(connection);
  EXPECT_THAT(line, HasSubstr(R"("key":"alice:tab-1")"));
  EXPECT_THAT(line, HasSubstr(R"("state":"PROCESSING_READY")"));
  EXPECT_THAT(line, HasSubstr(R"("owner_attached":false)"));
  EXPECT_THAT(line, HasSubstr(R"("last_seq":"0")"));
}

TEST(Json, AnObjectIsOneLineWhateverStandsInIt) {
  v1::Connection connection;
  connection.set_key("one\ntwo\x1b[31m\u009b\u202e");
  const std::string line = json_line(connection);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_THAT(line, HasSubstr(R"(one\ntwo\u001b[31m\u009b\u202e)"));
  EXPECT_THAT(line, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace interlock
