// What a killed process has promised, read from its diary, and what of it is missing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/authority/machine.h"
#include "coordinator/store/store.h"
#include "tests/crash/black_box.h"

namespace interlock {

// All that a store holds.
struct Contents {
  struct Kept {
    Versioned record;
    std::map<std::uint64_t, std::string> attachments;
    bool operator==(const Kept&) const = default;
  };
  std::map<std::string, Kept> records;
  Position position;
  bool operator==(const Contents&) const = default;
};
absl::StatusOr<Contents> contents_of(Store& store);

// What the store said was applied, byte for byte. A commit without an answer may be there or not.
class PromisedByStore {
 public:
  // The diary of the life after the last look.
  void take(const std::vector<DiaryLine>& diary, std::vector<std::string>& wrong);

  // Sentences for what is missing. What was not promised but is there counts only when the store
  // has been opened on it: before, a power cut may take it yet.
  void compare(const Contents& found, std::vector<std::string>& wrong);

 private:
  using Kept = Contents::Kept;
  void take_asked(const DiaryLine& line);
  void take_outcome(const DiaryLine& line, std::vector<std::string>& wrong);

  std::map<std::string, Kept> promised_;
  std::map<std::string, std::optional<Kept>> under_way_;  // nothing: to be deleted
  std::map<std::string, std::vector<std::string>> keys_;  // of each commit of this life
  std::optional<std::map<std::string, Kept>> found_;      // when last looked at
  Revision highest_ = kAbsent;
};

// What the engine answered.
class PromisedByEngine {
 public:
  void take(const std::vector<DiaryLine>& diary, std::vector<std::string>& wrong);

  // `records`: what an engine over the recovered store answers.
  void compare(const std::map<std::string, std::optional<Record>>& records, const Contents& found,
               std::vector<std::string>& wrong) const;

  std::vector<std::string> keys() const;
  Generation highest_generation() const { return highest_; }
  std::uint64_t answers() const { return answers_; }

 private:
  struct Question {
    std::string key;
    std::string kind;
    std::string detail;
  };
  struct Connection {
    Generation generation = 0;
    std::string claim_id;
    std::uint64_t last_op = 0;
    Revision revision = kAbsent;  // of the last answer about the state
    std::optional<State> state;
    std::map<std::pair<Generation, Sequence>, std::string> payloads;
    Revision seen = kAbsent;  // of any answer
    bool may_be_forgotten = false;
  };
  void take_answer(const Question& question, const DiaryLine& line,
                   std::vector<std::string>& wrong);
  static void compare_events(const std::string& key, const Connection& promised,
                             const Record& record, const Contents& found,
                             std::vector<std::string>& wrong);

  std::map<std::string, Question> questions_;      // of this life
  std::map<std::string, Connection> connections_;  // that were granted, and not forgotten
  std::map<std::string, Generation> floor_;        // per key, also of what was forgotten
  Generation highest_ = 0;
  std::uint64_t answers_ = 0;
};

}  // namespace interlock
