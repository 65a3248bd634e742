#include "coordinator/ctl/lifecycle_drawing.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/authority/lifecycle.h"

namespace interlock {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Every `from > to` pair of the table, spelt.
std::set<std::string> pairs_of_the_table() {
  std::set<std::string> pairs;
  for (const State from : kStates) {
    for (const State to : successors(from)) {
      pairs.insert(std::string(name_of(from)) + ">" + std::string(name_of(to)));
    }
  }
  return pairs;
}

// Reads the ASCII drawing back.
std::set<std::string> pairs_drawn(const std::string& drawing) {
  std::set<std::string> pairs;
  for (const std::string& line : lines_of(drawing)) {
    const std::size_t arrow = line.find("> ");
    if (!line.starts_with("  ") || arrow == std::string::npos) continue;
    const std::string from = line.substr(2, line.find(' ', 2) - 2);
    std::string to = line.substr(arrow + 2);
    std::erase(to, ' ');
    std::istringstream in(to);
    for (std::string name; std::getline(in, name, ',');) pairs.insert(from + ">" + name);
  }
  return pairs;
}

TEST(LifecycleDrawing, ShowsEveryTransitionAndNoOther) {
  EXPECT_EQ(pairs_drawn(draw_lifecycle(false, false)), pairs_of_the_table());
}

TEST(LifecycleDrawing, ShowsEachStateOnceAsAStart) {
  const std::vector<std::string> lines = lines_of(draw_lifecycle(false, false));
  for (const State state : kStates) {
    const std::string start = "  " + std::string(name_of(state)) + " -";
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                            [&](const std::string& line) { return line.starts_with(start); }),
              1)
        << start;
  }
}

TEST(LifecycleDrawing, UsesOnlyAsciiWhereTheTerminalKnowsNoMore) {
  const std::string drawing = draw_lifecycle(false, false);
  EXPECT_TRUE(std::all_of(drawing.begin(), drawing.end(),
                          [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  EXPECT_THAT(draw_lifecycle(true, false), HasSubstr("IDLE ─────────────▶ "));
}

TEST(LifecycleDrawing, FinalStatesLeadNowhere) {
  EXPECT_THAT(lines_of(draw_lifecycle(false, false)), Contains("  CLOSED -----------#"));
}

TEST(LifecycleDrawing, JsonSaysTheSame) {
  std::set<std::string> pairs;
  const std::vector<std::string> lines = lines_of(lifecycle_json());
  EXPECT_THAT(lines, SizeIs(kStates.size()));
  for (const std::string& line : lines) {
    google::protobuf::Struct row;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(line, &row).ok()) << line;
    for (const auto& to : row.fields().at("to").list_value().values()) {
      pairs.insert(row.fields().at("state").string_value() + ">" + to.string_value());
    }
  }
  EXPECT_EQ(pairs, pairs_of_the_table());
}

}  // namespace
}  // namespace interlock
