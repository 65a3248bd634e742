// The small values that the network side is made of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <set>
#include <string>

#include "common/identity.h"
#include "gateway/deadlines.h"
#include "gateway/frame_head.h"
#include "gateway/http_answer.h"
#include "gateway/reconnect_spread.h"
#include "gateway/static_files.h"
#include "gateway/token_bucket.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::chrono::steady_clock::time_point start{seconds(1'000'000)};

TEST(Deadlines, TheOneThatIsDueForLongestComesFirst) {
  Deadlines<4> deadlines;
  EXPECT_FALSE(deadlines.earliest());
  deadlines.set(0, start + seconds(3));
  deadlines.set(1, start + seconds(1));
  deadlines.set(2, start + seconds(2));
  deadlines.set(1, start + seconds(5));  // in place of the first
  EXPECT_EQ(deadlines.earliest(), start + seconds(2));
  EXPECT_FALSE(deadlines.take_due(start + seconds(1)));
  EXPECT_EQ(deadlines.take_due(start + seconds(4)), 2u);
  EXPECT_EQ(deadlines.take_due(start + seconds(4)), 0u);
  EXPECT_FALSE(deadlines.take_due(start + seconds(4)));
  EXPECT_TRUE(deadlines.is_set(1));
  deadlines.cancel(1);
  EXPECT_FALSE(deadlines.earliest());
}

TEST(Deadlines, LongTimesOfManyEndTogetherAndShortOnesExactly) {
  std::set<std::chrono::steady_clock::time_point> ends;
  for (int i = 0; i < 1'000; ++i) {
    const auto from = start + milliseconds(i);
    const auto exact = from + seconds(25);
    const auto end = end_of(from, seconds(25));
    EXPECT_GE(end, exact);
    EXPECT_LT(end, exact + milliseconds(64));
    ends.insert(end);
    EXPECT_EQ(end_of(from, milliseconds(999)), from + milliseconds(999));
  }
  EXPECT_LE(ends.size(), 17u);
}

TEST(TokenBucket, HoldsOneSecondsWorthAndFillsAgain) {
  TokenBucket bucket(10);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(start));
  EXPECT_FALSE(bucket.take(start));
  EXPECT_TRUE(bucket.take(start + milliseconds(101)));
  EXPECT_FALSE(bucket.take(start + milliseconds(101)));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(start + seconds(100)));
  EXPECT_FALSE(bucket.take(start + seconds(100)));
}

TEST(TokenBucket, ASmallRateStillLetsOneThrough) {
  TokenBucket bucket(0.1);
  EXPECT_TRUE(bucket.take(start));
  EXPECT_FALSE(bucket.take(start + seconds(9)));
  EXPECT_TRUE(bucket.take(start + seconds(11)));
}

TEST(TokenBucket, ZeroMeansNoLimit) {
  TokenBucket bucket(0);
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(bucket.take(start));
}

TEST(ReconnectSpread, GrowsWithHowManyLeaveAndNoFurtherThanItsLimit) {
  EXPECT_EQ(reconnect_spread_ms(1, 500, 4'000), 2u);
  EXPECT_EQ(reconnect_spread_ms(1'000, 500, 4'000), 2'000u);
  EXPECT_EQ(reconnect_spread_ms(10'000, 500, 4'000), 4'000u);
  EXPECT_EQ(reconnect_spread_ms(0, 500, 4'000), 0u);
  EXPECT_EQ(reconnect_spread_ms(1, 0, 4'000), 4'000u) << "no rate: as long as it may take";
}

TEST(FrameHead, HasThreeSizes) {
  EXPECT_EQ(FrameHead(FrameKind::kPing, 0).bytes(), std::string_view("\x89\x00", 2));
  EXPECT_EQ(FrameHead(FrameKind::kText, 125).bytes(), "\x81\x7D");
  EXPECT_EQ(FrameHead(FrameKind::kText, 126).bytes(), std::string_view("\x81\x7E\x00\x7E", 4));
  EXPECT_EQ(FrameHead(FrameKind::kText, 65535).bytes(), "\x81\x7E\xFF\xFF");
  EXPECT_EQ(FrameHead(FrameKind::kText, 65536).bytes(),
            std::string_view("\x81\x7F\x00\x00\x00\x00\x00\x01\x00\x00", 10));
}

TEST(HttpAnswer, SaysItsLengthAlsoWithoutABody) {
  HttpAnswer answer;
  answer.status = 404;
  answer.body = "12345";
  answer.fields.emplace_back("Retry-After", "7");
  EXPECT_THAT(to_wire(answer), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(to_wire(answer), HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(to_wire(answer), EndsWith("\r\nRetry-After: 7\r\n\r\n12345"));
  answer.with_body = false;
  EXPECT_THAT(to_wire(answer), HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(to_wire(answer), EndsWith("\r\n\r\n"));
}

class Files : public ::testing::Test {
 protected:
  void write(const std::string& name, std::size_t bytes = 1) {
    std::ofstream(folder_ + "/" + name) << std::string(bytes, 'x');
  }
  ScratchDirectory scratch_;
  std::string folder_ = scratch_.path();
};

TEST_F(Files, AreFoundUnderTheirNamesOnly) {
  write("index.html");
  write("a.b.js");
  mkdir((folder_ + "/sub").c_str(), 0700);
  write("sub/index.html", 2);
  mkdir((folder_ + "/.git").c_str(), 0700);
  write(".git/config.txt");
  write("no_ending");
  write("script.sh");
  ASSERT_EQ(symlink("/etc/passwd", (folder_ + "/passwd.txt").c_str()), 0);
  ASSERT_EQ(symlink("/etc", (folder_ + "/etc").c_str()), 0);
  const auto files = StaticFiles::load(folder_);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->size(), 3u);
  ASSERT_NE(files->find("/"), nullptr);
  EXPECT_EQ(files->find("/")->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(files->find("/sub/")->body, "xx");
  EXPECT_EQ(files->find("/a.b.js")->content_type, "text/javascript; charset=utf-8");
  for (const char* path : {"", "index.html", "/sub", "/sub/../index.html", "/./index.html",
                           "/.git/config.txt", "/passwd.txt", "/etc/hostname", "/%69ndex.html"}) {
    EXPECT_EQ(files->find(path), nullptr) << path;
  }
}

TEST_F(Files, ThatAreTooLargeOrTooManyRefuseTheStart) {
  write("large.js", StaticFiles::file_bytes_max + 1);
  EXPECT_THAT(std::string(StaticFiles::load(folder_).status().message()), HasSubstr("large.js"));
  write("large.js");
  for (std::size_t i = 0; i < StaticFiles::files_max; ++i) write(std::to_string(i) + ".txt");
  EXPECT_THAT(std::string(StaticFiles::load(folder_).status().message()),
              HasSubstr("more than 64"));
}

TEST_F(Files, AFolderThatIsNotThereRefusesTheStart) {
  const auto files = StaticFiles::load(folder_ + "/nowhere");
  EXPECT_FALSE(files.ok());
  EXPECT_THAT(std::string(files.status().message()), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace interlock
