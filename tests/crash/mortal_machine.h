// A machine whose one process is killed again and again, and whose power may go with it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/coordinator/store/forgetful_disk.h"
#include "tests/support/scratch_directory.h"
#include "tests/crash/black_box.h"

namespace interlock {

struct LifePlan {
  std::uint64_t life = 0;  // also its seed
  std::uint64_t answers = 0;
  bool syncs_lie = false;
  DeathSentence death;  // hit 0: it may live
};

struct Life {
  bool killed = false;  // by itself, where the sentence said
  std::string failure;  // how else it ended than it should; empty: as it should
  std::vector<DiaryLine> diary;
};

// The process works on real files, and finds them as the one before left them. What a power cut
// would have taken is known from the diaries: they are played over to a disk that forgets.
class MortalMachine {
 public:
  Life run(const LifePlan& plan);

  // The power is cut, and comes back.
  void cut_power(std::uint64_t seed, ForgetfulDisk::Loss loss);

  // As the process left it; to be looked at without touching it.
  std::shared_ptr<ForgetfulDisk> copy_of_disk() const { return disk_->copy(); }
  std::vector<std::string> files() const { return disk_->files(); }

 private:
  void play(const std::vector<DiaryLine>& diary);
  std::string difference() const;
  std::string folder() const { return scratch_.path() + "/machine"; }
  std::string diary_path() const { return scratch_.path() + "/diary"; }

  const ScratchDirectory scratch_;
  std::shared_ptr<ForgetfulDisk> disk_ = std::make_shared<ForgetfulDisk>();
};

}  // namespace interlock
