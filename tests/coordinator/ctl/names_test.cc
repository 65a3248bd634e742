#include "coordinator/ctl/names.h"

#include <gtest/gtest.h>

#include "coordinator/authority/lifecycle.h"

namespace interlock {
namespace {

TEST(Names, StatesAreSpeltAsInTheDocumentation) {
  for (const State state : kStates) {
    EXPECT_EQ(human_name(static_cast<v1::State>(state)), name_of(state));
  }
}

TEST(Names, ActorsAndReasonsAreWords) {
  EXPECT_EQ(human_name(v1::OWNER), "owner");
  EXPECT_EQ(human_name(v1::SOCKET_LOST), "socket lost");
  EXPECT_EQ(human_name(v1::RELEASED_BY_FORCE), "released by force");
}

TEST(Names, WhatANewerCoordinatorSaysIsShownAsItsNumber) {
  // NOLINTBEGIN(clang-analyzer-optin.core.EnumCastOutOfRange): that is the point
  EXPECT_EQ(human_name(static_cast<v1::State>(23)), "unknown (23)");
  EXPECT_EQ(human_name(static_cast<v1::Actor>(40)), "unknown (40)");
  EXPECT_EQ(human_name(static_cast<v1::Reason>(99)), "unknown (99)");
  EXPECT_EQ(style_of(static_cast<v1::State>(23)), Style::kPlain);
  // NOLINTEND(clang-analyzer-optin.core.EnumCastOutOfRange)
}

TEST(Names, WhatIsAbsentIsADash) {
  EXPECT_EQ(human_name(v1::STATE_UNSPECIFIED), "-");
  EXPECT_EQ(human_name(v1::ACTOR_UNSPECIFIED), "-");
  EXPECT_EQ(human_name(v1::REASON_UNSPECIFIED), "-");
}

TEST(Names, TheStartOfAMachineHasNoStateBeforeIt) {
  EXPECT_EQ(human_step(v1::CONNECTING, v1::CONNECTING), "new -> CONNECTING");
  EXPECT_EQ(human_step(v1::IDLE, v1::PROCESSING), "IDLE -> PROCESSING");
  EXPECT_EQ(human_step(v1::FAILED, v1::CONNECTING), "FAILED -> CONNECTING");
}

TEST(Names, OnlyASharedEntryHasACount) {
  v1::HistoryEntry entry;
  EXPECT_EQ(human_count(entry), "");
  entry.set_count(1);
  EXPECT_EQ(human_count(entry), "");
  entry.set_count(3);
  EXPECT_EQ(human_count(entry), "x3");
}

TEST(Names, ColoursTellTheKindsOfStatesApart) {
  EXPECT_EQ(style_of(v1::IDLE), Style::kGood);
  EXPECT_EQ(style_of(v1::DEGRADED), Style::kTrouble);
  EXPECT_EQ(style_of(v1::RECONNECTING), Style::kWaiting);
  EXPECT_EQ(style_of(v1::FAILED), Style::kBad);
  EXPECT_EQ(style_of(v1::CLOSED), Style::kFaint);
}

}  // namespace
}  // namespace interlock
