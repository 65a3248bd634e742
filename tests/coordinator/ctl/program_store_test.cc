// What interlockctl moves between stores.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "coordinator/engine/record_codec.h"
#include "coordinator/store/open_store.h"
#include "program.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class CtlStore : public testing::Test {
 protected:
  CtlStore() {
    const auto store = *open_store(from_);
    std::promise<void> done;
    store->commit({{.key = std::string(kBaseKey), .record = encode_base(1'700'000'000'000'000)},
                   {.key = store_key("alice:1"),
                    .record = encode(Record{.state = State::kIdle, .generation = kThisCommit})}},
                  [&done](std::vector<Outcome>) { done.set_value(); });
    done.get_future().wait();
  }
  static Finished run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), interlockctl_path());
    return Program(std::move(arguments)).finish();
  }

  ScratchDirectory scratch_;
  const std::string from_ = "rocksdb:" + scratch_.path() + "/from";
  const std::string into_ = "rocksdb:" + scratch_.path() + "/into";
  const std::string file_ = scratch_.path() + "/all.jsonl";
};

TEST_F(CtlStore, EverythingIsExportedAndTakenIn) {
  const Finished out = run({"store", "export", from_, file_});
  EXPECT_EQ(out.exit_code, 0) << out.err;
  EXPECT_THAT(out.out, StartsWith("1 records and 0 events are in"));
  EXPECT_FALSE(std::filesystem::exists(file_ + ".partial"));
  const Finished in = run({"--json", "store", "import", into_, file_});
  EXPECT_EQ(in.exit_code, 0) << in.err;
  EXPECT_EQ(in.out, "{\"records\":1,\"events\":0}\n");
  // And on from there.
  EXPECT_EQ(run({"store", "export", into_, file_}).exit_code, 0);
}

TEST_F(CtlStore, AStoreInUseAFullOneAndABrokenFileAreRefused) {
  {
    const auto in_use = *open_store(from_);
    const Finished out = run({"store", "export", from_, file_});
    EXPECT_NE(out.exit_code, 0);
    EXPECT_THAT(out.err, HasSubstr("another process"));
    EXPECT_FALSE(std::filesystem::exists(file_));
    EXPECT_FALSE(std::filesystem::exists(file_ + ".partial"));
  }
  ASSERT_EQ(run({"store", "export", from_, file_}).exit_code, 0);
  const Finished full = run({"store", "import", from_, file_});
  EXPECT_EQ(full.exit_code, 4);
  EXPECT_THAT(full.err, HasSubstr("already holds 2 records"));

  std::ofstream(file_) << "{\"interlock_store\":1,\"generations_up_to\":7}\n";
  const Finished broken = run({"store", "import", into_, file_});
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_THAT(broken.err, HasSubstr("was cut off"));
  EXPECT_EQ(run({"store", "import", "memory:", file_}).exit_code, 2);
  EXPECT_EQ(run({"store", "import", into_, file_ + "/none"}).exit_code, 1);
}

}  // namespace
}  // namespace interlock
