#include "gateway/revoked_subjects.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

class RevokedSubjectsTest : public testing::Test {
 protected:
  const std::string& write(const std::string& text) const {
    std::ofstream(path_) << text;
    return path_;
  }
  const ScratchDirectory scratch_;
  const std::string path_ = scratch_.path() + "/revoked";
  RevokedSubjects revoked_;
};

TEST_F(RevokedSubjectsTest, OneSubjectALine) {
  EXPECT_TRUE(revoked_.read(write("# those who left\nalice\n\n  bob@x.test \r\ncarol")).ok());
  EXPECT_EQ(revoked_.size(), 3u);
  for (const char* who : {"alice", "bob@x.test", "carol"}) EXPECT_TRUE(revoked_.contains(who));
  for (const char* who : {"", "Alice", "alic", "# those who left"}) {
    EXPECT_FALSE(revoked_.contains(who)) << who;
  }
}

TEST_F(RevokedSubjectsTest, WhatIsTakenOffTheListMayComeAgain) {
  EXPECT_TRUE(revoked_.read(write("alice")).ok());
  EXPECT_TRUE(revoked_.read(write("bob")).ok());
  EXPECT_FALSE(revoked_.contains("alice"));
}

TEST_F(RevokedSubjectsTest, AFileThatCannotBeReadLetsNobodyBackIn) {
  EXPECT_TRUE(revoked_.read(write("alice")).ok());
  EXPECT_FALSE(revoked_.read("/no/such/file").ok());
  EXPECT_FALSE(revoked_.read(write(std::string(revoked_file_bytes_max + 1, '\n'))).ok());
  std::string many;
  for (std::size_t i = 0; i <= revoked_subjects_max; ++i) many += std::to_string(i) + "\n";
  EXPECT_FALSE(revoked_.read(write(many)).ok());
  EXPECT_TRUE(revoked_.contains("alice"));
}

}  // namespace
}  // namespace interlock
