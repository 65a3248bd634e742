#include "coordinator/store/store.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/coordinator/store/blocking.h"

namespace interlock {
namespace {

using testing::HasSubstr;

std::string complaint(const Batch& batch, const StoreLimits& limits = {}) {
  const absl::Status status = check_batch(batch, limits);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

TEST(Store, AnEntryCountsItsKeyItsRecordAndItsAttachments) {
  EXPECT_EQ(entry_bytes(compare("key", 1)), 3U);
  EXPECT_EQ(entry_bytes(put("key", 1, "record", {{1, "ab"}, {2, ""}})), 3U + 6U + 10U + 8U);
}

TEST(Store, ABatchWithinItsLimitsIsGood) {
  EXPECT_TRUE(check_batch({}, {}).ok());
  EXPECT_TRUE(check_batch({put("a", 0, "", {{1, "x"}}, NumberRange{0, UINT64_MAX}), erase("b", 1),
                           compare("c", 0), compare("d", 1)},
                          {})
                  .ok());
}

TEST(Store, EachLimitIsNamedInASentence) {
  StoreLimits limits;
  limits.batch_entries_max = 2;
  limits.entry_puts_max = 1;
  limits.entry_bytes_max = 100;
  limits.batch_bytes_max = 150;
  limits.key_bytes_max = 5;
  EXPECT_THAT(complaint({compare("a", 0), compare("b", 0), compare("c", 0)}, limits),
              HasSubstr("3 entries; at most 2"));
  EXPECT_THAT(complaint({put("a", 0, "", {{1, ""}, {2, ""}})}, limits),
              HasSubstr("2 attachments; at most 1"));
  EXPECT_THAT(complaint({put("a", 0, std::string(100, 'x'))}, limits),
              HasSubstr("101 bytes; at most 100"));
  EXPECT_THAT(
      complaint({put("a", 0, std::string(80, 'x')), put("b", 0, std::string(80, 'x'))}, limits),
      HasSubstr("162 bytes; at most 150"));
  EXPECT_THAT(complaint({compare("abcdef", 0)}, limits), HasSubstr("6 bytes; at most 5"));
}

TEST(Store, WhatHasNoMeaningIsRefused) {
  EXPECT_THAT(complaint({compare("", 0)}), HasSubstr("empty key"));
  EXPECT_THAT(complaint({put("a", 0, ""), erase("a", 1)}), HasSubstr("'a' twice"));
  EXPECT_THAT(complaint({put("a", 0, "", {{1, "x"}, {1, "y"}})}), HasSubstr("attachment 1 twice"));
  EXPECT_THAT(complaint({put("a", 0, "", {}, NumberRange{2, 1})}), HasSubstr("ends before"));
  EXPECT_THAT(complaint({erase("a", kAbsent)}), HasSubstr("expects to be absent"));
  Entry carrying = compare("a", 1);
  carrying.record = "x";
  EXPECT_THAT(complaint({carrying}), HasSubstr("writes nothing"));
}

}  // namespace
}  // namespace interlock
