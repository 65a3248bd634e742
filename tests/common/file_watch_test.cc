#include "common/file_watch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "common/small_file.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using namespace std::chrono_literals;

class FileWatchTest : public testing::Test {
 protected:
  FileWatchTest() { write("one"); }

  void write(const std::string& text) const { std::ofstream(path_) << text; }
  absl::Status read() {
    const auto text = read_small_file(path_, 100);
    const std::lock_guard lock(mutex_);
    if (text.ok() && *text != "bad") text_ = *text;
    if (text.ok() && *text == "bad") return absl::InvalidArgumentError("It is bad.");
    return text.status();
  }
  bool reads(const std::string& text) {
    return eventually([&] {
      const std::lock_guard lock(mutex_);
      return text_ == text;
    });
  }
  double count(const std::string& result) {
    return metrics_
        .counter("interlock_file_reloads_total", "", {{"file", "test"}, {"result", result}})
        .Value();
  }
  template <typename Condition>
  static bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  const ScratchDirectory scratch_;
  const std::string path_ = scratch_.path() + "/file";
  Metrics metrics_;
  std::mutex mutex_;
  std::string text_;
  FileWatch watch_{metrics_, 2ms};
};

TEST_F(FileWatchTest, AFileIsReadAtOnceAndAgainWhenItHasChanged) {
  ASSERT_TRUE(watch_.add("test", {path_}, [this] { return read(); }).ok());
  EXPECT_EQ(text_, "one");
  watch_.start();
  write("two");
  EXPECT_TRUE(reads("two"));
}

TEST_F(FileWatchTest, ALinkThatPointsElsewhereIsAChange) {
  const std::string other = scratch_.path() + "/other";
  std::ofstream(other) << "of another folder";
  const std::string link = scratch_.path() + "/link";
  std::filesystem::create_symlink(path_, link);
  std::atomic<int> reads = 0;
  ASSERT_TRUE(watch_
                  .add("test", {link},
                       [&] {
                         ++reads;
                         return absl::OkStatus();
                       })
                  .ok());
  watch_.start();
  const std::string fresh = scratch_.path() + "/fresh";
  std::filesystem::create_symlink(other, fresh);
  std::filesystem::rename(fresh, link);
  EXPECT_TRUE(eventually([&] { return reads == 2; }));
}

TEST_F(FileWatchTest, WhatCannotBeUsedIsTriedAgainUntilItCan) {
  ASSERT_TRUE(watch_.add("test", {path_}, [this] { return read(); }).ok());
  watch_.start();
  write("bad");
  EXPECT_TRUE(eventually([&] { return count("failed") >= 2; }));
  EXPECT_TRUE(reads("one"));
  std::filesystem::remove(path_);
  write("two");
  EXPECT_TRUE(reads("two"));
  EXPECT_TRUE(eventually([&] { return count("ok") >= 1; }));  // behind its reading
}

TEST_F(FileWatchTest, WhatCannotBeReadAtFirstIsNotWatched) {
  write("bad");
  EXPECT_FALSE(watch_.add("test", {path_}, [this] { return read(); }).ok());
}

}  // namespace
}  // namespace interlock
