// The pure parts of the rocksdb store: layout, number sets, the check of its logs.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "coordinator/store/rocksdb/layout.h"
#include "coordinator/store/rocksdb/log_check.h"
#include "coordinator/store/rocksdb/number_set.h"
#include "coordinator/store/rocksdb/revisions.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace interlock {
namespace {

using testing::ElementsAre;

// --- Layout --------------------------------------------------------------------------------------

TEST(Layout, AttachmentsLieInTheOrderOfTheirNumbersAndApartFromOtherKeys) {
  const std::vector<std::string> keys = {
      attachment_key("a", 0),   attachment_key("a", 255),
      attachment_key("a", 256), attachment_key("a", ~0ULL),
      attachment_key("b", 0),   attachment_key("ab", 0),
      attachment_key("ab", 1),  attachment_key(std::string(300, 'a'), 0)};
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  for (const std::string& key : keys) EXPECT_TRUE(parse_attachment_key(key));
  const std::string key = attachment_key("ab", 77);
  EXPECT_EQ(parse_attachment_key(key)->key, "ab");
  EXPECT_EQ(parse_attachment_key(key)->number, 77U);
}

TEST(Layout, WhatWasNotWrittenByItIsNotRead) {
  EXPECT_FALSE(parse_attachment_key(""));
  EXPECT_FALSE(parse_attachment_key(record_key("k")));
  EXPECT_FALSE(parse_attachment_key(attachment_key("k", 1) + "x"));
  EXPECT_FALSE(decode_number("1234567"));
  EXPECT_FALSE(decode_record("1234567"));
  EXPECT_EQ(decode_record(encode_record(7, "")), (Versioned{"", 7}));
  EXPECT_EQ(decode_number(encode_number(~0ULL)), ~0ULL);
}

// --- Revisions -----------------------------------------------------------------------------------

TEST(RevisionsOfKeys, AnExpectationThatHoldsIsKnownToHold) {
  Revisions revisions;
  EXPECT_EQ(revisions.look("a", kAbsent), kAbsent);
  EXPECT_EQ(revisions.look("a", 7), kAbsent);
  revisions.put("a", kAbsent, 7);
  EXPECT_EQ(revisions.look("a", 7), 7U);
  EXPECT_EQ(revisions.look("a", 6), std::nullopt);
  EXPECT_EQ(revisions.look("b", kAbsent), kAbsent);
  revisions.put("a", 7, 0x1'0000'0009);
  EXPECT_EQ(revisions.look("a", 0x1'0000'0009), 0x1'0000'0009U);
  EXPECT_EQ(revisions.look("a", 9), std::nullopt);
  revisions.remove("a");
  EXPECT_EQ(revisions.look("a", kAbsent), kAbsent);
}

TEST(RevisionsOfKeys, WhatItSaysIsSoHoweverManyKeysShareAHash) {
  std::mt19937_64 random(20'261'127);
  const auto below = [&random](std::uint64_t end) { return random() % end; };
  std::uint64_t known = 0;
  for (int run = 0; run < 300; ++run) {
    Revisions revisions([](std::string_view key) -> std::uint64_t { return key[0] % 5U; });
    std::map<std::string, Revision> stands;
    std::map<std::string, std::set<Revision>> had;  // what somebody may expect who is late
    Revision last = 0;
    for (int batch = 0; batch < 60; ++batch) {
      ++last;  // the entries of a batch share it
      std::set<std::string> touched;
      for (std::uint64_t entry = below(4); entry > 0; --entry) {
        const std::string key(1, static_cast<char>('a' + below(10)));
        if (!touched.insert(key).second) continue;
        const auto found = stands.find(key);
        const Revision now = found == stands.end() ? kAbsent : found->second;
        std::vector<Revision> expected{kAbsent, now};
        expected.insert(expected.end(), had[key].begin(), had[key].end());
        for (const Revision each : expected) {
          const auto said = revisions.look(key, each);
          if (!said) continue;
          ++known;
          ASSERT_EQ(*said == each, now == each) << key << ", expected " << each << ", is " << now;
          if (*said != each) ASSERT_EQ(now, kAbsent);
        }
        if (now != kAbsent && below(3) == 0) {
          revisions.remove(key);
          stands.erase(key);
        } else {
          revisions.put(key, now, last);
          stands[key] = last;
          had[key].insert(last);
        }
      }
    }
  }
  EXPECT_GT(known, 1'000U) << "it says nothing";
}

// --- Number sets ---------------------------------------------------------------------------------

TEST(NumberSet, KeepsNeighboursTogether) {
  NumberSet set;
  for (const std::uint64_t number : {5, 3, 9, 4, 4, 8}) set.add(number);
  EXPECT_THAT(set.ranges(), ElementsAre(NumberRange{3, 5}, NumberRange{8, 9}));
  EXPECT_THAT(set.take({4, 8}), ElementsAre(NumberRange{4, 5}, NumberRange{8, 8}));
  EXPECT_THAT(set.ranges(), ElementsAre(NumberRange{3, 3}, NumberRange{9, 9}));
}

TEST(NumberSet, HoldsTheFirstAndTheLastNumber) {
  NumberSet set;
  for (const std::uint64_t number : {~0ULL, 0ULL, ~0ULL - 1, 1ULL}) set.add(number);
  EXPECT_THAT(set.ranges(), ElementsAre(NumberRange{0, 1}, NumberRange{~0ULL - 1, ~0ULL}));
  EXPECT_EQ(set.take({0, ~0ULL}).size(), 2U);
  EXPECT_TRUE(set.ranges().empty());
}

TEST(NumberSet, IsASet) {
  std::mt19937_64 random(1);
  NumberSet set;
  std::set<std::uint64_t> model;
  for (int turn = 0; turn < 20'000; ++turn) {
    const std::uint64_t number = random() % 60;
    if (random() % 4 != 0) {
      set.add(number);
      model.insert(number);
    } else {
      const NumberRange range{number, number + random() % 10};
      std::set<std::uint64_t> taken;
      for (const NumberRange& each : set.take(range)) {
        for (std::uint64_t n = each.first; n <= each.last; ++n) taken.insert(n);
      }
      std::set<std::uint64_t> expected;
      for (const std::uint64_t n : model) {
        if (n >= range.first && n <= range.last) expected.insert(n);
      }
      for (const std::uint64_t n : expected) model.erase(n);
      ASSERT_EQ(taken, expected);
    }
    std::set<std::uint64_t> held;
    for (const NumberRange& each : set.ranges()) {
      for (std::uint64_t n = each.first; n <= each.last; ++n) held.insert(n);
    }
    ASSERT_EQ(held, model);
  }
}

// --- The check of the logs -----------------------------------------------------------------------

constexpr std::size_t kBlock = 32 * 1024;

std::string bytes_of(std::uint64_t value, std::size_t bytes) {
  std::string result;
  for (std::size_t i = 0; i < bytes; ++i) result.push_back(static_cast<char>(value >> (8 * i)));
  return result;
}

// Written as RocksDB would, as far as its format is documented.
class Log {
 public:
  void add(std::size_t payload_bytes) {
    std::string payload = bytes_of(sequence_, 8) + bytes_of(2, 4);
    sequence_ += 2;
    payload.resize(std::max(payload_bytes, payload.size()), 'p');
    starts_.push_back(bytes_.size());
    bool first = true;
    std::string_view rest = payload;
    do {
      if (kBlock - bytes_.size() % kBlock < 7) bytes_.resize((bytes_.size() / kBlock + 1) * kBlock);
      const std::size_t room = kBlock - bytes_.size() % kBlock - 7;
      const std::string_view piece = rest.substr(0, room);
      rest.remove_prefix(piece.size());
      const char type = static_cast<char>(first ? (rest.empty() ? 1 : 2) : (rest.empty() ? 4 : 3));
      std::string checked(1, type);
      checked.append(piece);
      const std::uint32_t crc = crc32c(checked);
      bytes_ += bytes_of(static_cast<std::uint32_t>(((crc >> 15) | (crc << 17)) + 0xa282ead8U), 4);
      bytes_ += bytes_of(piece.size(), 2) + checked;
      first = false;
    } while (!rest.empty());
  }

  const std::string& bytes() const { return bytes_; }
  const std::vector<std::size_t>& starts() const { return starts_; }
  std::uint64_t next_sequence() const { return sequence_; }

 private:
  std::string bytes_;
  std::vector<std::size_t> starts_;
  std::uint64_t sequence_ = 1;
};

TEST(LogCheck, TheChecksumIsTheKnownOne) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xe3069283U);
}

TEST(LogCheck, AWholeLogIsWhole) {
  Log log;
  EXPECT_FALSE(check_log(log.bytes()).damage);
  for (const std::size_t size : {20, 100'000, 32'700, 12, 5, 40'000}) log.add(size);
  const LogCheck check = check_log(log.bytes());
  EXPECT_EQ(check.damage, std::nullopt);
  EXPECT_EQ(check.torn_bytes, 0U);
  EXPECT_EQ(check.next_sequence, log.next_sequence());
}

TEST(LogCheck, ARecordThatBeginsAtTheEndOfABlockHasItsSequence) {
  for (std::size_t left = 0; left < 40; ++left) {
    Log log;
    log.add(kBlock - 7 - left);
    log.add(50);
    EXPECT_EQ(check_log(log.bytes()).damage, std::nullopt) << left;
    EXPECT_EQ(check_log(log.bytes()).next_sequence, log.next_sequence()) << left;
  }
}

TEST(LogCheck, ATornTailIsNoDamageWhereverItIsTorn) {
  for (const std::size_t last : {60, 70'000}) {
    Log log;
    log.add(100);
    log.add(200);
    const std::uint64_t sequence_before = log.next_sequence();
    log.add(last);
    const std::size_t start = log.starts().back();
    for (std::size_t end = start; end < log.bytes().size(); end += last < 1000 ? 1 : 97) {
      const LogCheck check = check_log(log.bytes().substr(0, end));
      ASSERT_EQ(check.damage, std::nullopt) << end;
      ASSERT_EQ(check.torn_bytes, end - start);
      ASSERT_EQ(check.next_sequence, sequence_before);
    }
  }
}

TEST(LogCheck, EveryFlippedBitIsDamage) {
  Log log;
  for (const std::size_t size : {40, 12, 300, 25, 60}) log.add(size);
  for (std::size_t bit = 0; bit < log.bytes().size() * 8; ++bit) {
    std::string bytes = log.bytes();
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    ASSERT_TRUE(check_log(bytes).damage) << "bit " << bit;
  }
}

TEST(LogCheck, AFlippedBitInAHeaderOfALongLogIsDamage) {
  Log log;
  for (const std::size_t size : {20'000, 30'000, 500, 70'000, 40}) log.add(size);
  for (const std::size_t start : log.starts()) {
    for (std::size_t bit = start * 8; bit < (start + 7) * 8; ++bit) {
      std::string bytes = log.bytes();
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      ASSERT_TRUE(check_log(bytes).damage) << "bit " << bit;
    }
  }
}

TEST(LogCheck, AZeroedPieceIsDamageWhenSomethingFollows) {
  Log log;
  for (int i = 0; i < 20; ++i) log.add(300);
  std::string bytes = log.bytes();
  std::fill(bytes.begin() + 1000, bytes.begin() + 1512, '\0');
  EXPECT_TRUE(check_log(bytes).damage);
}

// The length says more than there is, the payload is not what it was either, but a later record
// is whole.
TEST(LogCheck, ALaterRecordShowsThatTheTailIsNone) {
  Log log;
  for (int i = 0; i < 3; ++i) log.add(100);
  std::string bytes = log.bytes();
  bytes[log.starts()[1] + 5] = 0x20;
  bytes[log.starts()[1] + 30] = 'x';
  EXPECT_TRUE(check_log(bytes).damage);
  bytes.resize(log.starts()[2]);
  EXPECT_FALSE(check_log(bytes).damage) << "without it, it is a torn record like any other";
}

TEST(LogCheck, ALengthBeyondItsBlockIsNoTornTail) {
  Log log;
  log.add(100);
  log.add(100);
  std::string bytes = log.bytes();
  bytes[log.starts()[1] + 4] = '\xff';
  bytes[log.starts()[1] + 5] = '\xff';
  bytes[log.starts()[1] + 30] = 'x';
  EXPECT_TRUE(check_log(bytes).damage);
}

}  // namespace
}  // namespace interlock
