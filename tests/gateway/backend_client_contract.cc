#include "tests/gateway/backend_client_contract.h"

namespace interlock {

using testing::SizeIs;

TEST_P(BackendClientContract, OpenReceiveAndClosedAreTaken) {
  EXPECT_EQ(open(make_open("alice:1", 5)).result, BackendResult::kOk);
  EXPECT_EQ(receive(make_message("alice:1", 5, "m1")).result, BackendResult::kOk);
  EXPECT_EQ(closed(make_closed("alice:1", 5)).result, BackendResult::kOk);
  maker_->run([](MemoryBackend& backend) {
    ASSERT_THAT(backend.opened, SizeIs(1));
    EXPECT_EQ(backend.opened[0].subject(), "alice");
    ASSERT_THAT(backend.received, SizeIs(1));
    EXPECT_EQ(backend.received[0].data(), "{}");
    ASSERT_THAT(backend.ended, SizeIs(1));
  });
}

TEST_P(BackendClientContract, ALowerGenerationIsRefusedAndALowerEndIgnored) {
  ASSERT_EQ(open(make_open("alice:1", 5)).result, BackendResult::kOk);
  EXPECT_EQ(open(make_open("alice:1", 4)).result, BackendResult::kRefused);
  EXPECT_EQ(receive(make_message("alice:1", 4, "m1")).result, BackendResult::kRefused);
  EXPECT_EQ(closed(make_closed("alice:1", 4)).result, BackendResult::kOk);
  maker_->run([](MemoryBackend& backend) { EXPECT_THAT(backend.ended, SizeIs(0)); });
}

TEST_P(BackendClientContract, TransientEventsFollowTheAcceptanceInOrder) {
  if (!maker_->has_transients()) GTEST_SKIP() << "it has no transient events";
  maker_->run([](MemoryBackend& backend) {
    backend.transients = [](const v1::ReceiveRequest&) {
      std::vector<v1::Transient> events(100);
      for (std::size_t at = 0; at < events.size(); ++at) events[at].set_after(at);
      return events;
    };
  });
  ASSERT_EQ(receive(make_message("alice:1", 5, "m1")).result, BackendResult::kOk);
  ASSERT_TRUE(events_.wait_for(100));
  for (std::size_t at = 0; at < 100; ++at) EXPECT_EQ(events_.items()[at].after(), at);
}

TEST_P(BackendClientContract, AMessageIdIsAcceptedAgainAndStartsNothing) {
  EXPECT_EQ(receive(make_message("alice:1", 5, "m1")).result, BackendResult::kOk);
  EXPECT_EQ(receive(make_message("alice:1", 5, "m1")).result, BackendResult::kOk);
  maker_->run([](MemoryBackend& backend) { EXPECT_THAT(backend.received, SizeIs(1)); });
}

TEST_P(BackendClientContract, ATraceparentGoesWithTheCallAndOnlyWithIt) {
  const std::string traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  answer([&](auto done) {
    maker_->client().open(make_open("alice:1", 5), std::move(done), traceparent);
  });
  answer([&](auto done) {
    maker_->client().receive(make_message("alice:1", 5, "m1"), std::move(done), events_.putter(),
                             traceparent);
  });
  open(make_open("alice:1", 5));
  maker_->run([&](MemoryBackend& backend) {
    EXPECT_THAT(backend.traceparents, testing::ElementsAre(traceparent, traceparent));
  });
}

TEST_P(BackendClientContract, WhatTheBackendDoesNotWantIsRejectedForGood) {
  maker_->run([](MemoryBackend& backend) {
    backend.on_receive = [](const v1::ReceiveRequest&) {
      return BackendAnswer{BackendResult::kRejected, "not like this"};
    };
  });
  const BackendAnswer rejected = receive(make_message("alice:1", 5, "m1"));
  EXPECT_EQ(rejected.result, BackendResult::kRejected);
  EXPECT_EQ(rejected.message, "not like this");
}

TEST_P(BackendClientContract, EveryCallIsAnsweredOnceEvenWhenTheClientEnds) {
  for (std::uint64_t each = 1; each <= 200; ++each) {
    maker_->client().open(make_open("alice:1", each), answers_.putter());
    maker_->client().receive(make_message("alice:1", each, std::to_string(each)), answers_.putter(),
                             events_.putter());
  }
  maker_->end();
  EXPECT_THAT(answers_.items(), SizeIs(400));
}

}  // namespace interlock
