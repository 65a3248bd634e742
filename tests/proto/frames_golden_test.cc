// What earlier builds sent is read, field by field, and written again byte by byte.
//
// golden/<version>/<message>.hex holds a frame a line, as that version's build wrote it, and
// <message>.textproto what stands in them. A file that is there is never changed: some instance of
// that build still talks to this one. A field that is added makes the next version: with
// INTERLOCK_WRITE_GOLDEN=v2 in its environment this test writes the missing files.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "interlock/v1/backend.pb.h"
#include "interlock/v1/events.pb.h"
#include "interlock/v1/gateway.pb.h"
#include "tests/proto/filled_message.h"

namespace interlock {
namespace {

namespace fs = std::filesystem;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::TextFormat;
using google::protobuf::util::MessageDifferencer;
using testing::IsEmpty;

constexpr std::string_view kBetween = "---\n";

fs::path folder() {
  const char* source = std::getenv("INTERLOCK_SOURCE_DIR");
  return fs::path(source == nullptr ? "." : source) / "tests" / "proto" / "golden";
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Everything that a call carries, in either direction, where gateways, publishers and backends are
// not changed together with the coordinator. (An operator's tool is.)
std::map<std::string, const Descriptor*> frames() {
  std::map<std::string, const Descriptor*> found;
  for (const FileDescriptor* file :
       {v1::AttachRequest::descriptor()->file(), v1::PublishRequest::descriptor()->file(),
        v1::OpenRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const auto* method = file->service(i)->method(j);
        for (const Descriptor* type : {method->input_type(), method->output_type()}) {
          found.emplace(type->name(), type);
        }
      }
    }
  }
  return found;
}

std::unique_ptr<Message> make(const Descriptor& type) {
  return std::unique_ptr<Message>(MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

void note_fields(const Message& message, std::set<std::string>& fields) {
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> set;
  reflection.ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    fields.insert(field->full_name());
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      note_fields(reflection.GetMessage(message, field), fields);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      note_fields(reflection.GetRepeatedMessage(message, field, i), fields);
    }
  }
}

bool knows_all(const Message& message) {
  const auto& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return false;
  std::vector<const FieldDescriptor*> set;
  reflection.ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int size = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < size; ++i) {
      if (!knows_all(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                          : reflection.GetMessage(message, field))) {
        return false;
      }
    }
  }
  return true;
}

void write_missing(const fs::path& version, const std::string& name, const Descriptor& type) {
  const fs::path stem = folder() / version / name;
  if (fs::exists(stem.string() + ".hex")) return;
  fs::create_directories(stem.parent_path());
  std::ofstream hex(stem.string() + ".hex"), text(stem.string() + ".textproto");
  for (int variant = 0; variant < variants_of(type); ++variant) {
    const auto message = make(type);
    fill(*message, variant);
    std::string printed;
    TextFormat::PrintToString(*message, &printed);
    hex << absl::BytesToHexString(message->SerializeAsString()) << "\n";
    text << (variant == 0 ? "" : kBetween) << printed;
  }
}

class FramesGolden : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const char* version = std::getenv("INTERLOCK_WRITE_GOLDEN");
    if (version == nullptr) return;
    for (const auto& [name, type] : frames()) write_missing(version, name, *type);
  }

  // Every frame of every version, as today's messages.
  template <class Do>
  static void for_each(Do what) {
    const auto known = frames();
    for (const auto& file : fs::recursive_directory_iterator(folder())) {
      if (file.path().extension() != ".hex") continue;
      SCOPED_TRACE(file.path());
      const auto type = known.find(file.path().stem());
      ASSERT_NE(type, known.end()) << "a message of an earlier version is gone";
      const std::string text = read(fs::path(file.path()).replace_extension(".textproto"));
      const std::vector<std::string> expected = absl::StrSplit(text, std::string(kBetween));
      std::string lines = read(file.path());
      if (lines.ends_with('\n')) lines.pop_back();
      const std::vector<std::string> frames = absl::StrSplit(lines, '\n');  // one may be empty
      ASSERT_EQ(frames.size(), expected.size()) << "a frame a line";
      for (std::size_t i = 0; i < frames.size(); ++i) {
        what(*type->second, absl::HexStringToBytes(frames[i]), expected[i]);
      }
    }
  }
};

TEST_F(FramesGolden, WhatAnEarlierBuildWroteIsReadAndWrittenAgain) {
  int read = 0;
  for_each([&](const Descriptor& type, const std::string& bytes, const std::string& text) {
    const auto message = make(type), expected = make(type);
    ASSERT_TRUE(message->ParseFromString(bytes));
    ASSERT_TRUE(TextFormat::ParseFromString(text, expected.get()));
    EXPECT_TRUE(knows_all(*message)) << "a field of an earlier version is gone";
    EXPECT_TRUE(MessageDifferencer::Equals(*message, *expected)) << message->DebugString();
    EXPECT_EQ(message->SerializeAsString(), bytes);
    ++read;
  });
  EXPECT_GE(read, 40);
}

TEST_F(FramesGolden, EveryFieldOfTodayIsInOne) {
  std::set<std::string> golden, missing;
  for_each([&](const Descriptor& type, const std::string& bytes, const std::string&) {
    const auto message = make(type);
    message->ParseFromString(bytes);
    note_fields(*message, golden);
  });
  for (const auto& [name, type] : frames()) {
    std::set<std::string> today;
    for (int variant = 0; variant < variants_of(*type); ++variant) {
      const auto message = make(*type);
      fill(*message, variant);
      note_fields(*message, today);
    }
    for (const std::string& field : today) {
      if (!golden.contains(field)) missing.insert(field);
    }
  }
  EXPECT_THAT(missing, IsEmpty()) << "see the head of this file";
}

// What a newer build adds goes through an older one unharmed, where it is passed on.
TEST_F(FramesGolden, WhatANewerBuildAddsIsKept) {
  for_each([&](const Descriptor& type, std::string bytes, const std::string&) {
    bytes += std::string("\xfa\xff\x07\x03new", 7);  // field 16383
    const auto message = make(type);
    ASSERT_TRUE(message->ParseFromString(bytes));
    EXPECT_EQ(message->SerializeAsString(), bytes);
  });
}

}  // namespace
}  // namespace interlock
