// What most tests of the program begin with: a coordinator that is not one, and a run against it.
#pragma once

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "fake_admin.h"
#include "program.h"

namespace interlock {

class ProgramCase : public testing::Test {
 protected:
  Finished run(std::vector<std::string> arguments,
               const std::map<std::string, std::string>& variables = {}) {
    arguments.insert(arguments.begin(), {interlockctl_path(), "--coordinator", admin_.address()});
    return Program(arguments, variables).finish();
  }

  // By a shell, with `$ctl` for the program and its coordinator.
  Finished run_shell(const std::string& command) {
    const std::string ctl = interlockctl_path() + " --coordinator " + admin_.address();
    return Program({"/bin/bash", "-c", "ctl='" + ctl + "'; " + command}).finish();
  }

  void know(const std::string& key) {
    v1::Connection& connection = admin_.connections.emplace_back();
    connection.set_key(key);
    connection.set_state(v1::PROCESSING_READY);
    connection.set_generation(42);
    connection.set_sequence_since(41);
  }

  FakeAdmin admin_;
};

inline std::vector<std::string> lines_in(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Of `--json`: reads back as what was sent.
template <typename Message>
Message read_json(const std::string& line) {
  Message message;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &message).ok()) << line;
  return message;
}

template <typename Message>
void expect_json(const std::string& out, const std::vector<Message>& sent) {
  const std::vector<std::string> lines = lines_in(out);
  ASSERT_EQ(lines.size(), sent.size()) << out;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(read_json<Message>(lines[i]).SerializeAsString(), sent[i].SerializeAsString())
        << lines[i];
  }
}

}  // namespace interlock
