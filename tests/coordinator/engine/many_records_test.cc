// A million records: what a page of List looks at and holds does not depend on how many there are.
#include <gtest/gtest.h>

#include <memory>

#include "coordinator/engine/connection_filter.h"
#include "tests/coordinator/engine/many_records.h"

namespace interlock {
namespace {

// Sanitized, a record takes twenty times as long; the bounds are the same.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t kRecords = 100'000;
#else
constexpr std::size_t kRecords = 1'000'000;
#endif
#else
constexpr std::size_t kRecords = 1'000'000;
#endif
constexpr std::size_t kPage = 200;
constexpr std::size_t kVisits = 20'000;  // of one call of List
constexpr std::size_t kRecordBytes = 256;

class ManyRecords : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    bare_ = std::make_unique<BareEngine>();
    fill(*bare_, kRecords);
  }
  static void TearDownTestSuite() { bare_.reset(); }

  static Page page(const std::string& filter) {
    return first_page(*bare_, std::make_shared<ConnectionFilter>(*ConnectionFilter::parse(filter)),
                      kPage, kVisits);
  }

  static inline std::unique_ptr<BareEngine> bare_;
  const EngineLimits limits_;
};

TEST_F(ManyRecords, AreAllThere) { EXPECT_EQ(bare_->engine.replica().connections(), kRecords); }

TEST_F(ManyRecords, AFirstPageLooksAtWhatItShows) {
  const Page all = page("");
  EXPECT_EQ(all.connections, kPage);
  EXPECT_EQ(all.visited, kPage);
  EXPECT_LE(all.bytes, kPage * kRecordBytes);
}

TEST_F(ManyRecords, OneOfAThousandIsLookedForInSlices) {
  const Page waiting = page("waiting");
  EXPECT_EQ(waiting.connections, kVisits / 1'000) << "what one call may look at has so many";
  EXPECT_LE(waiting.visited, kVisits + limits_.scan_visits_max);
  EXPECT_LE(waiting.visited_at_once, limits_.scan_visits_max);
  EXPECT_LE(waiting.held_at_once, kPage);
  EXPECT_FALSE(waiting.next.empty()) << "the next call goes on there";
}

TEST_F(ManyRecords, WhatNothingMatchesEndsToo) {
  const Page none = page("subject = nobody");
  EXPECT_EQ(none.connections, 0u);
  EXPECT_LE(none.visited, kVisits + limits_.scan_visits_max);
  EXPECT_EQ(none.bytes, 0u);
}

TEST_F(ManyRecords, AKeyPrefixGoesStraightToItsPlace) {
  const Page few = page("key = user-0099*");
  EXPECT_EQ(few.connections, kPage);
  EXPECT_EQ(few.visited, kPage) << "not the 9,900 before it";
}

}  // namespace
}  // namespace interlock
