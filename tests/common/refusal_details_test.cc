#include "common/refusal_details.h"

#include <gtest/gtest.h>

namespace interlock {
namespace {

TEST(RefusalDetails, ARefusalIsFoundInTheDetailsOfAStatus) {
  v1::Refusal refusal;
  refusal.mutable_out_of_order()->set_last_number(7);
  v1::ErrorStatus error;
  error.add_details()->PackFrom(refusal);
  const auto found = refusal_in_details(error.SerializeAsString());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->out_of_order().last_number(), 7u);
  EXPECT_EQ(reason_name(*found), "OUT_OF_ORDER");
}

TEST(RefusalDetails, WhatIsNoneIsNone) {
  EXPECT_FALSE(refusal_in_details(""));
  EXPECT_FALSE(refusal_in_details("not a message"));
  v1::ErrorStatus error;
  error.add_details()->PackFrom(v1::Refusal());
  EXPECT_FALSE(refusal_in_details(error.SerializeAsString()));
  EXPECT_EQ(reason_name(v1::Refusal()), "UNKNOWN");
}

}  // namespace
}  // namespace interlock
