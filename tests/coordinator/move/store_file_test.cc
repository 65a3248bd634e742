// Everything that a store holds, as lines.
#include "coordinator/move/store_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(StoreFile, ALineIsReadAsItWasWritten) {
  const FileLine header = *parse_line(to_line(FileHeader{18'000'000'000'000'000'000u}));
  EXPECT_EQ(std::get<FileHeader>(header).generations_up_to, 18'000'000'000'000'000'000u);

  const std::string bytes("\0\xFF\n\"{", 5);
  const FileLine line =
      *parse_line(to_line(FileRecord{"c/al\"ice:1", bytes, {{7, bytes}, {8, ""}}}));
  const FileRecord& record = std::get<FileRecord>(line);
  EXPECT_EQ(record.key, "c/al\"ice:1");
  EXPECT_EQ(record.record, bytes);
  EXPECT_THAT(record.attachments, ElementsAre(Attachment{7, bytes}, Attachment{8, ""}));

  const FileLine end = *parse_line(to_line(FileEnd{3, 4}));
  EXPECT_EQ(std::get<FileEnd>(end).records, 3u);
  EXPECT_EQ(std::get<FileEnd>(end).attachments, 4u);
}

TEST(StoreFile, WhatIsNoLineIsASentence) {
  for (const char* text :
       {"", "{", "[]", "{}", "null", R"({"key":"c/1","record":"AA=="})",
        R"({"key":"c/1","record":"*","attachments":[]})",
        R"({"key":"c/1","record":"AA==","attachments":[[1]]})",
        R"({"key":"c/1","record":"AA==","attachments":[[-1,"AA=="]]})", R"({"end":true})",
        R"({"interlock_store":1})", R"({"interlock_store":1,"generations_up_to":"x"})"}) {
    const auto line = parse_line(text);
    ASSERT_FALSE(line.ok()) << text;
    EXPECT_THAT(line.status().message(), HasSubstr("interlockctl store export")) << text;
  }
  EXPECT_THAT(parse_line(R"({"interlock_store":2})").status().message(),
              HasSubstr("newer version"));
}

}  // namespace
}  // namespace interlock
