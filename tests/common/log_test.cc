#include "common/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <future>
#include <limits>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "common/log_trace.h"

namespace interlock {
namespace {

namespace json = boost::json;

std::vector<json::object> captured_lines() {
  std::istringstream text(testing::internal::GetCapturedStderr());
  std::vector<json::object> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line).as_object());
  return lines;
}

// What the statements in `say` write, with the logging that a program has.
template <typename Say>
std::vector<json::object> lines_of(LogLevel level, const Say& say) {
  testing::internal::CaptureStderr();
  {
    const Logging logging({.service = "test", .level = level});
    say();
  }
  return captured_lines();
}

json::object line_of(std::string_view message, LogFields fields) {
  return lines_of(LogLevel::info, [&] { log_info(message, fields); }).at(0);
}

TEST(Log, ALineIsOneJsonObjectThatCloudLoggingUnderstands) {
  const json::object line = line_of("Connection claimed.", {{"key", "alice:tab"}});
  EXPECT_EQ(line.at("severity"), "INFO");
  EXPECT_EQ(line.at("service"), "test");
  EXPECT_EQ(line.at("message"), "Connection claimed.");
  EXPECT_EQ(line.at("key"), "alice:tab");
  EXPECT_TRUE(std::regex_match(json::value_to<std::string>(line.at("time")),
                               std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
}

TEST(Log, FieldsKeepTheirTypes) {
  const std::string text = "text";
  const std::uint32_t small = 7;
  const json::object line =
      line_of("Types.", {{"string", text},
                         {"view", std::string_view("view")},
                         {"int", -1},
                         {"int64", std::numeric_limits<std::int64_t>::min()},
                         {"uint32", small},
                         {"uint64", std::numeric_limits<std::uint64_t>::max()},
                         {"double", 0.5},
                         {"float", 0.25F},
                         {"bool", true}});
  EXPECT_EQ(line.at("string"), "text");
  EXPECT_EQ(line.at("view"), "view");
  EXPECT_EQ(line.at("int"), -1);
  EXPECT_EQ(line.at("int64"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(line.at("uint32"), 7);
  EXPECT_EQ(line.at("uint64"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(line.at("double"), 0.5);
  EXPECT_EQ(line.at("float"), 0.25);
  EXPECT_EQ(line.at("bool"), true);
}

TEST(Log, NothingThatAClientSendsCanForgeOrBreakALine) {
  const json::object line =
      line_of("a\"b\\c\nd", {{"session", "\"}\n{\"severity\":\"ERROR\"}"}, {"bytes", "x\xFFy"}});
  EXPECT_EQ(line.at("message"), "a\"b\\c\nd");
  EXPECT_EQ(line.at("session"), "\"}\n{\"severity\":\"ERROR\"}");
  EXPECT_EQ(line.at("bytes"), "x\xEF\xBF\xBDy");
}

TEST(Log, AFieldCannotReplaceWhatEveryLineHas) {
  const json::object line = line_of("Real.", {{"message", "forged"}, {"severity", "ERROR"}});
  EXPECT_EQ(line.at("message"), "Real.");
  EXPECT_EQ(line.at("severity"), "INFO");
}

TEST(Log, TheFirstFieldOfANameStays) {
  const json::object line =
      line_of("Twice.", {{"key", "first"}, {"too", 1}, {"key", "second"}, {"too", 2}, {"yes", 3}});
  EXPECT_EQ(line.at("key"), "first");
  EXPECT_EQ(line.at("too"), 1);
  EXPECT_EQ(line.at("yes"), 3);
}

TEST(Log, ANumberThatJsonCannotWriteIsWrittenAsText) {
  const json::object line = line_of("Odd.", {{"nan", std::numeric_limits<double>::quiet_NaN()},
                                             {"inf", std::numeric_limits<double>::infinity()}});
  EXPECT_EQ(line.at("nan"), "nan");
  EXPECT_EQ(line.at("inf"), "inf");
}

TEST(Log, ALongTextIsCut) {
  const json::object line = line_of("Long.", {{"text", std::string(10000, 'x')}});
  EXPECT_EQ(line.at("text").as_string().size(), log_text_bytes_max + 3);
  std::string text = "x";
  while (text.size() < 10'000) text += "\xC3\xB6";
  const json::object cut = line_of("Long.", {{"text", text}});
  EXPECT_TRUE(cut.at("text").as_string().ends_with("\xC3\xB6\xEF\xBF\xBD..."))
      << "of a character that was cut in two";
}

TEST(Log, WhatIsBelowTheLevelIsNotWritten) {
  const auto lines = lines_of(LogLevel::notice, [] {
    log_debug("no");
    log_info("no");
    log_notice("yes");
    log_warning("yes");
    log_error("yes");
  });
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].at("severity"), "NOTICE");
  EXPECT_EQ(lines[1].at("severity"), "WARNING");
  EXPECT_EQ(lines[2].at("severity"), "ERROR");
}

TEST(Log, TheEndWritesEverythingThatIsQueuedInOrder) {
  const auto lines = lines_of(LogLevel::info, [] {
    for (int i = 0; i < 5000; ++i) log_info("Line.", {{"number", i}});
  });
  ASSERT_EQ(lines.size(), 5000u);
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(lines[static_cast<std::size_t>(i)].at("number"), i);
}

TEST(Log, LinesBeforeAndAfterAreWrittenAtOnce) {
  testing::internal::CaptureStderr();
  log_warning("Before.");
  {
    const Logging logging({.service = "test"});
  }
  log_warning("After.");
  const auto lines = captured_lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].at("message"), "Before.");
  EXPECT_EQ(lines[1].at("message"), "After.");
}

TEST(LogDeathTest, AProcessThatEndsAtOnceHasSaidWhy) {
  const auto end_at_once = [] {
    const Logging logging({.service = "test"});
    log_error("The first reason.");
    log_error("The last reason.");
    write_log_at_once();
    _exit(70);
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(end_at_once(), testing::ExitedWithCode(70), "first reason(.|\n)*last reason");
}

// Each write() into such a pipe is a packet of its own.
TEST(Log, LinesThatComeOneBehindTheOtherAreWrittenTogether) {
  constexpr int kLines = 60;
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_DIRECT | O_NONBLOCK), 0);
  const int kept = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  {
    const Logging logging({.service = "test"});
    std::promise<void> never;
    const auto nothing = never.get_future();
    for (int i = 0; i < kLines; ++i) {
      log_info("Line.", {{"number", i}});
      nothing.wait_for(std::chrono::microseconds(500));  // longer than it takes to write one
    }
  }
  dup2(kept, STDERR_FILENO);
  std::string text;
  int writes = 0;
  std::array<char, 4096> packet{};
  for (ssize_t size = 0; (size = read(ends[0], packet.data(), packet.size())) > 0; ++writes) {
    text.append(packet.data(), static_cast<std::size_t>(size));
  }
  for (const int end : {ends[0], ends[1], kept}) close(end);
  EXPECT_EQ(std::ranges::count(text, '\n'), kLines);
  EXPECT_LE(writes, kLines / 4);
}

TEST(Log, ThreadsThatLogWhileLoggingEndsLoseNothing) {
  testing::internal::CaptureStderr();
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> said = 0;
  const auto talk = [&] {
    while (!stop) {
      log_info("Still here.");
      ++said;
    }
  };
  std::thread first(talk);
  std::thread second(talk);
  for (int i = 0; i < 500; ++i) const Logging logging({.service = "test"});
  stop = true;
  first.join();
  second.join();
  const auto lines = captured_lines();
  EXPECT_EQ(lines.size(), said);
  for (const json::object& line : lines) EXPECT_EQ(line.at("message"), "Still here.");
}

TEST(Log, LevelsAreReadByName) {
  EXPECT_EQ(*parse_log_level("debug"), LogLevel::debug);
  EXPECT_EQ(*parse_log_level("WARNING"), LogLevel::warning);
  EXPECT_THAT(std::string(parse_log_level("loud").status().message()),
              testing::HasSubstr("debug, info, notice, warning and error"));
}

// Points stderr at a pipe that nobody reads until it is asked to.
class StuckStderr {
 public:
  StuckStderr() : saved_(dup(STDERR_FILENO)) {
    std::fflush(stderr);
    if (pipe(ends_) != 0) std::abort();
    dup2(ends_[1], STDERR_FILENO);
    close(ends_[1]);
  }
  ~StuckStderr() {
    if (reader_.joinable()) reader_.join();
    close(ends_[0]);
  }
  void read_on() {
    reader_ = std::thread([this] {
      char buffer[65536];
      while (read(ends_[0], buffer, sizeof buffer) > 0) {
      }
    });
  }
  void restore() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
  }

 private:
  int saved_;
  int ends_[2];
  std::thread reader_;
};

TEST(Log, AReaderThatIsStuckCostsLinesAndNeverTime) {
  StuckStderr stuck;
  std::uint64_t lost = 0;
  {
    const Logging logging({.service = "test", .queue_lines_max = 64});
    for (int i = 0; i < 5000; ++i) log_info("Nobody reads this.", {{"number", i}});
    lost = logging.lines_lost();
    stuck.read_on();
  }
  stuck.restore();
  EXPECT_GT(lost, 1000u);
}

// ---- traces ----

const TraceContext a_trace =
    *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

TEST(LogTrace, EveryLineWithinItsScopeNamesTheTrace) {
  const auto lines = lines_of(LogLevel::info, [] {
    log_info("Before.");
    {
      const LogTrace scope(&a_trace);
      log_info("Within.", {{"key", "alice:tab"}, {"trace_id", "another"}});
      const TraceContext inner = a_trace.child(1);
      {
        const LogTrace deeper(&inner);
        log_info("Deeper.");
      }
      const LogTrace nothing(nullptr);
      log_info("Within again.");
    }
    log_info("Behind.");
  });
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_FALSE(lines[0].contains("trace_id"));
  EXPECT_EQ(lines[1].at("trace_id"), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(lines[1].at("span_id"), "b7ad6b7169203331");
  EXPECT_EQ(lines[1].at("key"), "alice:tab");
  EXPECT_FALSE(lines[1].contains("logging.googleapis.com/trace")) << "there is no project";
  EXPECT_EQ(lines[2].at("span_id"), "0000000000000001");
  EXPECT_EQ(lines[3].at("span_id"), "b7ad6b7169203331");
  EXPECT_FALSE(lines[4].contains("trace_id"));
}

TEST(LogTrace, WithAProjectCloudLoggingFindsIt) {
  testing::internal::CaptureStderr();
  {
    const Logging logging({.service = "test", .trace_project_id = "my-project"});
    const LogTrace scope(&a_trace);
    log_info("Within.");
  }
  const json::object line = captured_lines().at(0);
  EXPECT_EQ(line.at("logging.googleapis.com/trace"),
            "projects/my-project/traces/0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(line.at("logging.googleapis.com/spanId"), "b7ad6b7169203331");
  EXPECT_EQ(line.at("logging.googleapis.com/trace_sampled"), true);
}

TEST(LogTrace, OtherThreadsAreNotConcerned) {
  const auto lines = lines_of(LogLevel::info, [] {
    const LogTrace scope(&a_trace);
    std::thread([] { log_info("Elsewhere."); }).join();
  });
  EXPECT_FALSE(lines.at(0).contains("trace_id"));
}

}  // namespace
}  // namespace interlock
