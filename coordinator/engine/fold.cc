// Many commands of one key become one write.
#include "coordinator/engine/fold.h"

#include <algorithm>

#include "coordinator/authority/outbox.h"
#include "coordinator/engine/record_codec.h"

namespace interlock {

void Engine::Fold::apply(Decision decision) {
  if (decision.trim) {
    // What this commit itself would have put and now trims never reaches the store.
    std::erase_if(puts, [&](const OutboxEvent& event) {
      return event.sequence >= decision.trim->first && event.sequence <= decision.trim->last;
    });
    trim = joined(trim, decision.trim);
  }
  if (decision.put) {
    put_bytes += decision.put->payload.size();
    puts.push_back(*std::move(decision.put));
  }
  steps.insert(steps.end(), decision.steps.begin(), decision.steps.end());
  if (decision.record) {
    stand(*std::move(decision.record));
  } else if (decision.remove) {
    remove();
  }
}

void Engine::Fold::stand(Record decided) {
  written = std::make_shared<Record>(std::move(decided));
  record = written;
  wrote = true;
  removed = false;
}

// A claim behind it may make the key anew in this same commit: the old events go all the same.
void Engine::Fold::remove() {
  if (outbox_events(*record) > 0) {
    trim = joined(trim, SequenceRange{record->acknowledged + 1, record->last_sequence});
  }
  puts.clear();
  record = written = nullptr;
  wrote = removed = true;
}

// Moves the claims among the first `count` next to the first of them; else the order stays.
void Engine::gather_claims(std::deque<Waiting>& waiting, std::size_t count) {
  if (count < 2) return;
  std::deque<Waiting> others;
  std::size_t claims_end = 0;
  bool claim_seen = false;
  for (std::size_t i = 0; i < count; ++i) {
    const bool claim = std::holds_alternative<Claim>(waiting[i].command);
    claim_seen = claim_seen || claim;
    if (claim_seen && !claim) {
      others.push_back(std::move(waiting[i]));
    } else {
      if (claims_end != i) waiting[claims_end] = std::move(waiting[i]);
      ++claims_end;
    }
  }
  std::move(others.begin(), others.end(),
            waiting.begin() + static_cast<std::ptrdiff_t>(claims_end));
}

Engine::Fold Engine::fold(const std::string& key, Work& work) {
  Fold fold;
  const Replica::Slot* slot = replica_.find(StoreKey(key));
  if (slot != nullptr && slot->present()) {
    fold.record = replica_.record(*slot);
    fold.expected = slot->revision;
  }
  fold.context = context_of(key, fold.record.get(), fold.expected);
  // It rides along in whatever is asked of the store, so that no answer shows it before it is
  // durable.
  if (const auto pending = acknowledgements_.find(key);
      pending != acknowledgements_.end() && fold.record) {
    fold.apply(decide(fold.record.get(), Command{pending->second.what}, fold.context));
  }
  // Of the claims that wait together one is granted: they are decided side by side. What came
  // before the first of them is decided before it.
  const auto count = std::min(work.waiting.size(), limits_.commands_per_write_max);
  gather_claims(work.waiting, count);

  const std::size_t bytes_max = store_.limits.entry_bytes_max / 2;  // the rest is the record's
  for (std::size_t i = 0; i < count && fold.puts.size() < store_.limits.entry_puts_max &&
                          fold.put_bytes < bytes_max;
       ++i) {
    Waiting waiting = std::move(work.waiting.front());
    work.waiting.pop_front();
    if (park(key, waiting)) continue;
    fold.context.revision = fold.wrote ? 0 : fold.expected;
    note_spent(fold, waiting.command);
    if (const auto* claim = std::get_if<Claim>(&waiting.command)) {
      complete(fold.context, key, *claim, fold.record.get());
      fold_claim(fold, waiting);
    } else {
      fold_one(fold, waiting);
    }
    fold.decided.push_back(std::move(waiting));
  }
  // Over a revision in doubt something is written, never only compared.
  if (work.doubt == fold.expected && fold.record && !fold.wrote) fold.stand(*fold.record);
  return fold;
}

// Before the command is decided.
void Engine::note_spent(Fold& fold, const Command& command) {
  const auto* abandon = std::get_if<Abandon>(&command);
  if (abandon == nullptr && !std::holds_alternative<Claim>(command)) return;
  if (!std::exchange(fold.claims_seen, true) && fold.record) {
    fold.spent = fold.record->spent_claim_ids;
  }
  if (abandon != nullptr) fold.spent.push_back(abandon->claim_id);
}

void Engine::fold_one(Fold& fold, const Waiting& waiting) {
  Decision decision = decide(fold.record.get(), waiting.command, fold.context);
  fold.answers.push_back(std::move(decision.answer));
  fold.apply(std::move(decision));
}

bool Engine::Fold::is_spent(const Claim& claim) const {
  return record && record->subject == claim.subject &&
         std::find(spent.begin(), spent.end(), claim.claim_id) != spent.end();
}

void Engine::fold_claim(Fold& fold, const Waiting& waiting) {
  const Claim& claim = std::get<Claim>(waiting.command);
  if (fold.is_spent(claim)) {
    fold.answers.emplace_back(Refusal{Stale{fold.record->generation}});
    return;
  }
  Context context = fold.context;
  context.owner_lives = context.owner_lives || fold.grant;  // who was granted just now lives
  Decision decision = decide(fold.record.get(), waiting.command, context);
  if (!decision.record) {
    fold.answers.push_back(std::move(decision.answer));
    return;
  }
  if (fold.grant) {
    // A grant of this same commit gives way, as if it had not been decided; its id is spent.
    Decision instead = decide(fold.grant->before.get(), waiting.command, fold.context);
    if (!instead.record) {
      fold.answers.push_back(std::move(instead.answer));
      return;
    }
    for (Answer& earlier : fold.answers) {
      if (std::holds_alternative<Granted>(earlier)) earlier = Refusal{Stale{kThisCommit}};
    }
    if (fold.superseded.size() == kSpentClaimIdsMax) {
      fold.superseded.erase(fold.superseded.begin());
    }
    fold.superseded.push_back(std::exchange(fold.grant->claim_id, claim.claim_id));
    fold.steps.resize(fold.grant->steps);
    fold.puts = fold.grant->puts;
    fold.trim = fold.grant->trim;
    decision = std::move(instead);
  } else {
    fold.grant =
        Fold::Grant{fold.record, fold.puts, fold.trim, fold.steps.size(), claim.claim_id};
  }
  if (fold.record) fold.spent.push_back(fold.record->claim_id);
  fold.answers.push_back(std::move(decision.answer));
  fold.apply(std::move(decision));
  for (const std::string& id : fold.superseded) spend_claim_id(*fold.written, id);
}

Entry Engine::entry_of(const std::string& key, const Fold& fold) {
  Entry entry{.key = store_key(key), .expected = fold.expected};
  entry.write = !fold.wrote    ? Write::kCompareOnly
                : fold.removed ? Write::kDelete
                               : Write::kPut;
  if (entry.write != Write::kPut) return entry;
  entry.record = encode(*fold.written);
  for (const OutboxEvent& event : fold.puts) {
    entry.put.push_back({event.sequence, encode(event)});
  }
  if (fold.trim) entry.remove = NumberRange{fold.trim->first, fold.trim->last};
  return entry;
}

}  // namespace interlock
