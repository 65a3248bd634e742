#include "coordinator/store/open_store.h"

#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/coordinator/store/blocking.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::Not;

class OpenStore : public testing::Test {
 protected:
  OpenStore() { unsetenv("K_SERVICE"); }
  ~OpenStore() override { unsetenv("K_SERVICE"); }
};

TEST_F(OpenStore, TheMemoryStoreWorksByItself) {
  auto store = open_store("memory:");
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE((*store)->single_writer());
  const Outcome made = commit(**store, put("k", kAbsent, "one"));
  ASSERT_TRUE(std::holds_alternative<Applied>(made));
  EXPECT_EQ(load(**store)->records.at("k").bytes, "one");
}

TEST_F(OpenStore, TheRocksdbStoreKeepsWhatItWasGiven) {
  const ScratchDirectory directory;
  const std::string url = "rocksdb:" + directory.path() + "/db";
  commit(**open_store(url), put("k", kAbsent, "one"));
  auto again = open_store(url);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(load(**again)->records.at("k").bytes, "one");
  EXPECT_TRUE((*again)->single_writer());
}

TEST_F(OpenStore, OnCloudRunADirectoryIsRefusedUnlessItIsMeant) {
  const ScratchDirectory directory;
  const std::string url = "rocksdb:" + directory.path() + "/db";
  setenv("K_SERVICE", "coordinator", 1);
  const auto refused = open_store(url);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("disk is memory"));
  EXPECT_TRUE(open_store(url, {.volatile_ok = true}).ok());
  EXPECT_TRUE(open_store("memory:").ok()) << "it promises nothing";
}

TEST_F(OpenStore, WhatIsNotThereIsSaid) {
  for (const char* url : {"postgres://me:secret@127.0.0.1:1/db", "postgresql://127.0.0.1:1/db",
                          "etcd://me:secret@127.0.0.1:1", "etcd://127.0.0.1:1,127.0.0.1:2"}) {
    const auto status = open_store(url).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << url;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  }
  for (const char* url : {"", "memory", "memory:x", "redis://host", "/var/lib/db", "rocksdb"}) {
    const auto status = open_store(url).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(std::string(status.message()), HasSubstr("rocksdb:DIRECTORY")) << url;
  }
  for (const char* url : {"rocksdb:", "rocksdb://var/lib"}) {
    EXPECT_EQ(open_store(url).status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
}

}  // namespace
}  // namespace interlock
