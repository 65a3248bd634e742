// Where a client's last_seq lets it go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::SizeIs;

// A connection with five events, of which the client has acknowledged two, whose socket is lost.
struct Waiting {
  Waiting() {
    hello = answered<Granted>(key.ask(claim_by(kHere, "first", kProcessingReady))).generation;
    for (const char* id : {"a", "b", "c", "d", "e"}) key.ask(event_outside(id));
    key.ask(Acknowledge{kHere, hello, 2});
    key.ask(by_owner(key, {detach()}));
  }
  Claim back_with(Sequence last, Generation generation) const {
    Claim claim = claim_by(kThere, "back", kProcessingReady);
    claim.position = ClientPosition{last, generation};
    return claim;
  }
  OneKey key;
  Generation hello = 0;
};

TEST(ClaimPosition, AValidOneAcknowledgesAndTheSequenceGoesOnBehindIt) {
  Waiting story;
  const Granted granted = answered<Granted>(story.key.ask(story.back_with(4, story.hello)));
  EXPECT_TRUE(granted.resumed);
  EXPECT_FALSE(granted.position_lost);
  EXPECT_EQ(granted.next_sequence, 5u);
  EXPECT_EQ(granted.last_sequence, 5u);
  EXPECT_EQ(granted.sequence_since, story.hello);
  EXPECT_EQ(trimmed(story.key), Range({3, 4}));
  EXPECT_EQ(story.key.now().acknowledged, 4u);
  EXPECT_THAT(story.key.now().outbox_sizes, SizeIs(1));
}

TEST(ClaimPosition, BothEndsOfWhatIsHeldAreValid) {
  for (Sequence last : {2, 5}) {
    Waiting story;
    const Granted granted = answered<Granted>(story.key.ask(story.back_with(last, story.hello)));
    EXPECT_TRUE(granted.resumed);
    EXPECT_EQ(granted.next_sequence, last + 1);
  }
}

TEST(ClaimPosition, NoneStartsWithTheOldestEventHeld) {
  Waiting story;
  const Granted granted = answered<Granted>(story.key.ask(claim_by(kThere, "back")));
  EXPECT_FALSE(granted.resumed);
  EXPECT_FALSE(granted.position_lost);
  EXPECT_EQ(granted.next_sequence, 3u);
  EXPECT_EQ(trimmed(story.key), Range());
}

TEST(ClaimPosition, OneAheadOfWhatWasEverAssignedIsLostAndAcknowledgesNothing) {
  Waiting story;
  const Granted granted = answered<Granted>(story.key.ask(story.back_with(6, story.hello)));
  EXPECT_FALSE(granted.resumed);
  EXPECT_TRUE(granted.position_lost);
  EXPECT_EQ(granted.next_sequence, 3u);
  EXPECT_EQ(story.key.now().acknowledged, 2u);
}

TEST(ClaimPosition, OneBehindWhatWasAcknowledgedIsLost) {
  Waiting story;
  const Granted granted = answered<Granted>(story.key.ask(story.back_with(1, story.hello)));
  EXPECT_FALSE(granted.resumed) << "event 2 is gone";
  EXPECT_TRUE(granted.position_lost);
  EXPECT_EQ(granted.next_sequence, 3u);
}

TEST(ClaimPosition, OneOfAnEarlierLifeIsIgnored) {
  Waiting story;
  story.key.ask(story.back_with(5, story.hello));
  story.key.ask(by_owner(story.key, {close()}));
  const Generation second_life =
      answered<Granted>(story.key.ask(claim_by(kHere, "second life", kProcessingReady))).generation;
  for (const char* id : {"a", "b", "c"}) story.key.ask(event_outside(id));

  Claim claim = claim_by(kThere, "with an old position");
  claim.position = ClientPosition{2, story.hello};
  const Granted granted = answered<Granted>(story.key.ask(claim));
  EXPECT_FALSE(granted.resumed);
  EXPECT_FALSE(granted.position_lost) << "nothing is lost: it is simply another sequence";
  EXPECT_EQ(granted.next_sequence, 1u);
  EXPECT_EQ(granted.sequence_since, second_life);
  EXPECT_EQ(story.key.now().acknowledged, 0u) << "events 1 and 2 of this life were never seen";
}

TEST(ClaimPosition, OneFromTheFutureIsIgnored) {
  for (Generation ahead : {Generation{1}, kThisCommit}) {
    Waiting story;
    const Generation future = ahead == kThisCommit ? ahead : story.key.now().generation + ahead;
    const Granted granted = answered<Granted>(story.key.ask(story.back_with(4, future)));
    EXPECT_FALSE(granted.resumed);
    EXPECT_EQ(granted.next_sequence, 3u);
    EXPECT_EQ(story.key.now().acknowledged, 2u);
  }
}

TEST(ClaimPosition, CountsForNothingWithAnUnknownKeyAndAClosedOne) {
  OneKey unknown;
  Claim claim = claim_by(kHere, "claim");
  for (Generation generation : {Generation{0}, Generation{7}, kThisCommit}) {
    claim.position = ClientPosition{0, generation};
    EXPECT_FALSE(answered<Granted>(OneKey(unknown).ask(claim)).resumed) << generation;
  }
  OneKey closed = key_in(kClosed);
  claim.claim_id = "back";
  claim.position = ClientPosition{0, closed.now().generation};
  EXPECT_FALSE(answered<Granted>(closed.ask(claim)).resumed);
}

TEST(ClaimPosition, StillCountsInTheMachineBehindAFailedOne) {
  Waiting story;
  story.key.ask(claim_by(kHere, "resuming"));
  story.key.ask(by_owner(story.key, {fail()}));
  const Granted granted = answered<Granted>(story.key.ask(story.back_with(4, story.hello)));
  EXPECT_EQ(granted.steps.front(), kConnecting) << "another machine carries the same sequence";
  EXPECT_TRUE(granted.resumed);
  EXPECT_EQ(granted.next_sequence, 5u);
}

TEST(ClaimPosition, ARefusedClaimAcknowledgesNothing) {
  Waiting story;
  Claim foreign = story.back_with(4, story.hello);
  foreign.subject = "mallory";
  refused<PermissionDenied>(story.key.ask(foreign));
  EXPECT_EQ(story.key.now().acknowledged, 2u);
}

// ---- repeated: the answer was lost, and the world has gone on ----

TEST(ClaimPosition, RepeatedSaysTheSameAlthoughEventsHaveComeSince) {
  for (Sequence last : {1, 2, 4, 5, 6}) {
    Waiting story;
    const Claim claim = story.back_with(last, story.hello);
    const Granted first = answered<Granted>(story.key.ask(claim));
    story.key.ask(event_outside("f"));
    story.key.ask(event_outside("g"));
    const Granted again = answered<Granted>(story.key.ask(claim));
    EXPECT_EQ(again.resumed, first.resumed) << last;
    EXPECT_EQ(again.position_lost, first.position_lost) << last;
    EXPECT_EQ(again.next_sequence, first.next_sequence) << last;
    EXPECT_FALSE(story.key.wrote());
  }
}

}  // namespace
}  // namespace interlock
