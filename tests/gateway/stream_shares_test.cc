#include "gateway/stream_shares.h"

#include <gtest/gtest.h>

namespace interlock {
namespace {

TEST(StreamShares, AQuietClientHasOneChannel) {
  StreamShares shares({.streams_per_channel = 2, .channels_max = 3});
  for (int call = 0; call < 10; ++call) {
    const std::size_t channel = shares.take();
    EXPECT_EQ(channel, 0u);
    shares.give_back(channel);
  }
  EXPECT_EQ(shares.channels(), 1u);
}

TEST(StreamShares, AFullChannelIsFollowedByANewOne) {
  StreamShares shares({.streams_per_channel = 2, .channels_max = 3});
  for (const std::size_t channel : {0u, 0u, 1u, 1u, 2u, 2u}) EXPECT_EQ(shares.take(), channel);
  EXPECT_EQ(shares.channels(), 3u);
}

TEST(StreamShares, WhatEndsMakesRoomOnItsOwnChannel) {
  StreamShares shares({.streams_per_channel = 1, .channels_max = 3});
  EXPECT_EQ(shares.take(), 0u);
  EXPECT_EQ(shares.take(), 1u);
  shares.give_back(0);
  EXPECT_EQ(shares.take(), 0u);
}

TEST(StreamShares, WithEveryChannelFullTheLeastLoadedTakesIt) {
  StreamShares shares({.streams_per_channel = 1, .channels_max = 2});
  for (const std::size_t channel : {0u, 1u, 0u, 1u, 0u}) EXPECT_EQ(shares.take(), channel);
  shares.give_back(0);
  shares.give_back(0);
  EXPECT_EQ(shares.take(), 0u);
  EXPECT_EQ(shares.channels(), 2u);
}

}  // namespace
}  // namespace interlock
