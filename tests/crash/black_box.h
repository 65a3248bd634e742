// What a process that is killed leaves behind, and the places at which it can be killed.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace interlock {

// What happened, and its fields.
using DiaryLine = std::vector<std::string>;

// Where the process ends itself with SIGKILL: at the n-th time that it comes there.
struct DeathSentence {
  std::string failpoint;
  std::uint64_t hit = 0;
};

// Writes the diary: a file that outlives the process, each line with one call of write(), so that
// it is in the kernel's hands before anything that comes after it happens. Any thread.
class BlackBox {
 public:
  BlackBox(const std::string& path, DeathSentence sentence);
  ~BlackBox();
  BlackBox(const BlackBox&) = delete;
  BlackBox& operator=(const BlackBox&) = delete;

  // While one of them lives, no other thread does, says or dies. So what is done and noted under
  // one hold is either both done and noted, or neither.
  class Hold {
   public:
    explicit Hold(BlackBox& box) : box_(box), lock_(box.mutex_) {}
    void note(const DiaryLine& line) { box_.write(line); }

    // Notes that the failpoint was reached; does not return when the sentence says so.
    void reach(std::string_view failpoint) { box_.reach(failpoint); }

   private:
    BlackBox& box_;
    const std::lock_guard<std::mutex> lock_;
  };

  void reach_alone(std::string_view failpoint) { Hold(*this).reach(failpoint); }

 private:
  void write(const DiaryLine& line);
  void reach(std::string_view failpoint);

  const DeathSentence sentence_;
  const int file_;
  std::mutex mutex_;
  std::uint64_t hits_ = 0;  // of the sentence's failpoint
};

std::vector<DiaryLine> read_diary(const std::string& path);

// What the fields of a line say when they are numbers.
std::uint64_t number(const std::string& field);

}  // namespace interlock
