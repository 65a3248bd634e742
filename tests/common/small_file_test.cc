#include "common/small_file.h"
#include "tests/support/scratch_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace interlock {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string write_file(const std::string& content) {
  static const ScratchDirectory scratch;
  std::string path = scratch.path() + "/file";
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(SmallFile, ComesBackByteForByte) {
  const std::string content("\0one\r\ntwo\xFF\n", 11);
  EXPECT_EQ(*read_small_file(write_file(content), 11), content);
  EXPECT_EQ(*read_small_file(write_file(""), 0), "");
}

TEST(SmallFile, OneThatIsTooLongIsRefusedWithoutShowingIt) {
  const absl::Status status = read_small_file(write_file("a secret"), 7).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("longer than 7 bytes"), Not(HasSubstr("secret\""))));
}

TEST(SmallFile, OneWithoutEndIsRefusedToo) {
  EXPECT_EQ(read_small_file("/dev/zero", 100).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(SmallFile, ARefusalNamesTheFileAndTheReason) {
  const absl::Status missing = read_small_file("/nowhere/key", 10).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()),
              AllOf(HasSubstr("\"/nowhere/key\""), HasSubstr("No such file")));
  EXPECT_FALSE(read_small_file("/", 10).ok());
}

}  // namespace
}  // namespace interlock
