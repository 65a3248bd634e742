#include "common/identity.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace interlock {
namespace {

TEST(Identity, IsThirtyTwoLowerCaseHexDigits) {
  const std::string identity = make_identity();
  EXPECT_EQ(identity.size(), 32u);
  EXPECT_EQ(identity.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(Identity, NoTwoAreTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(make_identity()).second);
}

}  // namespace
}  // namespace interlock
