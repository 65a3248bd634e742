#include "coordinator/ctl/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::Not;

Table two_columns(bool colour = false) {
  return Table({{"KEY"}, {"SEQ", Align::kRight}, {"STATE"}}, colour);
}

TEST(Table, ColumnsAreAsWideAsWhatStandsInThem) {
  Table table = two_columns();
  table.add({"alice:tab-1", "7", "IDLE"});
  table.add({"bob:x", "12345", "CLOSED"});
  EXPECT_EQ(table.take(),
            "KEY            SEQ  STATE\n"
            "alice:tab-1      7  IDLE\n"
            "bob:x        12345  CLOSED\n");
}

TEST(Table, WithoutRowsThereIsNothingNotEvenAHeading) { EXPECT_EQ(two_columns().take(), ""); }

TEST(Table, TheHeadingComesOnceAndWidthsNeverShrink) {
  Table table = two_columns();
  table.add({"a-long-key", "1", "IDLE"});
  EXPECT_EQ(table.take(), "KEY         SEQ  STATE\na-long-key    1  IDLE\n");
  table.add({"short", "2", "IDLE"});
  EXPECT_EQ(table.take(), "short         2  IDLE\n");
  EXPECT_EQ(table.take(), "");
}

TEST(Table, EmptyHeadersMakeNoHeading) {
  Table table({{}, {}}, false);
  table.add({"key", "alice"});
  table.add({"state", "IDLE"});
  EXPECT_EQ(table.take(), "key    alice\nstate  IDLE\n");
}

TEST(Table, WideCharactersKeepTheColumnsStraight) {
  Table table({{}, {}}, false);
  table.add({"世界", "x"});
  table.add({"four", "y"});
  EXPECT_EQ(table.take(), "世界  x\nfour  y\n");
}

TEST(Table, ACellCannotBreakOutOfItsLine) {
  Table table({{}, {}}, false);
  table.add({"a\nb\x1b[2J", "x"});
  const std::string text = table.take();
  EXPECT_EQ(text, "a\\nb\\x1b[2J  x\n");
}

TEST(Table, NoLineEndsInSpaces) {
  Table table({{}, {}, {}}, false);
  table.add({"a", "", ""});
  table.add({"a", "bbb", "c"});
  EXPECT_EQ(table.take(), "a\na  bbb  c\n");
}

TEST(Table, ColourDoesNotCountAsWidth) {
  Table table({{}, {}}, true);
  table.add({Cell("up", Style::kGood), "x"});
  table.add({Cell("failed", Style::kBad), "y"});
  EXPECT_EQ(table.take(), "\x1b[32mup\x1b[0m      x\n\x1b[31mfailed\x1b[0m  y\n");
}

TEST(Table, WithoutColourThereIsNoEscapeSequence) {
  Table table = two_columns();
  table.add({Cell("a", Style::kBad), "1", Cell("IDLE", Style::kGood)});
  EXPECT_THAT(table.take(), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace interlock
