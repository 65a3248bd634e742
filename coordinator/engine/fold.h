// The decisions of one write: commands of one key, one after the other, over a working copy.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/engine/engine.h"

namespace interlock {

struct Engine::Fold {
  RecordRef record;                  // as it stands, then as decided; nullptr: there is none
  std::shared_ptr<Record> written;   // the latter
  Revision expected = kAbsent;
  Context context;
  bool wrote = false;
  bool removed = false;
  std::vector<OutboxEvent> puts;
  std::size_t put_bytes = 0;
  std::optional<SequenceRange> trim;
  std::vector<Transition> steps;
  std::vector<Waiting> decided;
  std::vector<Answer> answers;

  // What stood before the grant that is waiting for this same commit.
  struct Grant {
    RecordRef before;
    std::vector<OutboxEvent> puts;
    std::optional<SequenceRange> trim;
    std::size_t steps = 0;
    std::string claim_id;
  };
  std::optional<Grant> grant;
  std::vector<std::string> superseded;  // the last kSpentClaimIdsMax of this commit
  // Claim ids that were spent when the first claim came, and those spent since. A record keeps the
  // last few only; within one commit none is forgotten.
  std::vector<std::string> spent;
  bool claims_seen = false;

  bool is_spent(const Claim& claim) const;
  void apply(Decision decision);
  void stand(Record decided);  // from now on, and is to be written
  void remove();
};

}  // namespace interlock
