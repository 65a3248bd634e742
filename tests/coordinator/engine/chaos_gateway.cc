#include <algorithm>

#include "fmt/format.h"
#include "tests/coordinator/engine/asking.h"
#include "tests/coordinator/engine/chaos.h"

namespace interlock {

ChaosGateway::Session* ChaosGateway::find(const std::string& claim_id) {
  for (Session& one : sessions_) {
    if (one.claim.claim_id == claim_id) return &one;
  }
  return nullptr;
}

ChaosGateway::Session* ChaosGateway::find(const std::string& key, Generation generation) {
  for (Session& one : sessions_) {
    if (one.key == key && one.generation == generation && generation != 0) return &one;
  }
  return nullptr;
}

void ChaosGateway::drop(const std::string& claim_id) {
  std::erase_if(sessions_, [&](const Session& one) { return one.claim.claim_id == claim_id; });
}

bool ChaosGateway::holds(const std::string& key, Generation generation) const {
  return std::any_of(sessions_.begin(), sessions_.end(), [&](const Session& one) {
    return one.wanted && one.key == key && one.generation == generation;
  });
}

bool ChaosGateway::idle() const {
  return listed_ && std::none_of(sessions_.begin(), sessions_.end(), [](const Session& one) {
           return one.generation == 0 || !one.unanswered.empty();
         });
}

// ---- what it wants ----

void ChaosGateway::claim_something() {
  if (stream_ == 0 || !listed_) return;
  const std::string key = chaos_.some_key();
  Session session{.key = key, .claim = claim_by(id_, chaos_.fresh_id())};
  const State through[] = {State::kConnecting, State::kServicesReady, State::kProcessingReady,
                           State::kDegraded};
  session.claim.through = through[chaos_.world->below(4)];
  if (chaos_.chance(4)) session.claim.policy = Policy::kReject;
  const auto record = chaos_.world->record(key);
  if (record && chaos_.chance(2)) {
    session.claim.attempt = Attempt{record->generation, chaos_.world->below(3)};
  }
  if (record && chaos_.chance(2)) {
    const Sequence last = chaos_.world->below(record->last_sequence + 1);
    session.claim.position = ClientPosition{last, record->sequence_since};
    chaos_.said(key, record->sequence_since, last);
  }
  for (Session& one : sessions_) {
    if (one.key == key && one.wanted) let_go(one, Operation::Kind::kDetach, Reason::kSocketLost);
  }
  sessions_.push_back(std::move(session));
  ask_claim(sessions_.back());
}

void ChaosGateway::do_something() {
  std::vector<Session*> held;
  for (Session& one : sessions_) {
    if (one.wanted && one.generation != 0) held.push_back(&one);
  }
  if (held.empty() || stream_ == 0 || !listed_) return;
  Session& session = *held[chaos_.world->below(held.size())];
  const std::uint64_t what = chaos_.world->below(20);
  if (what < 4 && is_operational(session.state)) {
    const State wanted[] = {State::kIdle, State::kProcessingReady, State::kDegraded};
    operate(session, {.to = wanted[chaos_.world->below(3)]});
  } else if (what < 9 && session.next > 1) {
    session.acknowledged += chaos_.world->below(session.next - session.acknowledged);
    const Record* record = chaos_.ledger->find(session.key, session.generation,
                                               [](const Record&) { return true; });
    chaos_.said(session.key, record->sequence_since, session.acknowledged);
    chaos_.world->tell(coordinator_, session.key,
                       interlock::acknowledge(id_, session.generation, session.acknowledged));
  } else if (what == 9) {
    let_go(session, Operation::Kind::kDetach, Reason::kSocketLost);
  } else if (what == 10) {
    let_go(session, Operation::Kind::kClose, Reason::kClientDone);
  } else if (what == 11) {
    let_go(session, Operation::Kind::kFail, Reason::kSetupFailed);
  } else if (what == 12) {
    operate(session, {.to = State::kAccepted});  // most often illegal
  } else {
    const State step = session.state == State::kReconnecting ? State::kProcessingReady
                       : is_setup(session.state)
                           ? static_cast<State>(static_cast<int>(session.state) + 1)
                           : State::kProcessingReady;
    operate(session, {.to = step});
  }
}

void ChaosGateway::operate(Session& session, Operation operation) {
  if (session.unanswered.size() > 8) return;
  operation.op = ++session.last_op;
  session.unanswered.push_back(operation);
  ask_operations(session);
}

// A claim that is not granted yet is let go when it is: the answer comes for certain.
void ChaosGateway::let_go(Session& session, Operation::Kind kind, Reason reason) {
  if (!session.wanted) return;
  session.wanted = false;
  if (session.generation == 0) {
    chaos_.world->tell(coordinator_, session.key, Abandon{id_, session.claim.claim_id});
    return;
  }
  operate(session, {.kind = kind, .reason = reason});
}

// ---- asking, and asking again ----

void ChaosGateway::ask_claim(Session& session) {
  session.asked = true;
  chaos_.check->ask(coordinator_, session.key, session.claim,
                    [this, id = session.claim.claim_id, stream = stream_](const Answer& answer) {
                      if (stream == stream_) claim_answered(id, answer);
                    });
}

void ChaosGateway::ask_operations(Session& session) {
  if (stream_ == 0 || !listed_) return;
  session.asked = true;
  Operate message{.gateway_id = id_, .generation = session.generation};
  message.operations.assign(session.unanswered.begin(), session.unanswered.end());
  chaos_.check->ask(coordinator_, session.key, message,
                    [this, id = session.claim.claim_id, stream = stream_](const Answer& answer) {
                      if (stream == stream_) operations_answered(id, answer);
                    });
}

void ChaosGateway::repeat() {
  if (stream_ == 0) return attach();
  if (!listed_) return;
  for (Session& one : sessions_) {
    if (one.asked) continue;
    if (one.generation == 0) {
      ask_claim(one);
    } else if (!one.unanswered.empty()) {
      ask_operations(one);
    } else if (!one.wanted) {
      one.wanted = true;
      let_go(one, Operation::Kind::kDetach, Reason::kSocketLost);
    }
  }
}

void ChaosGateway::claim_answered(const std::string& claim_id, const Answer& answer) {
  Session* session = find(claim_id);
  if (session == nullptr) return;
  session->asked = false;
  if (const auto* granted = std::get_if<Granted>(&answer)) {
    session->generation = granted->generation;
    session->state = granted->state;
    session->next = granted->next_sequence;
    session->acknowledged = granted->next_sequence - 1;
    if (!session->wanted) {
      session->wanted = true;
      let_go(*session, Operation::Kind::kDetach, Reason::kAbandoned);
    }
    return;
  }
  const Refusal& refusal = std::get<Refusal>(answer);
  const bool again = std::holds_alternative<StoreAway>(refusal) ||
                     std::holds_alternative<NotNow>(refusal);
  if (!again || !session->wanted) drop(claim_id);
}

void ChaosGateway::operations_answered(const std::string& claim_id, const Answer& answer) {
  Session* session = find(claim_id);
  if (session == nullptr) return;
  session->asked = false;
  if (const auto* done = std::get_if<Done>(&answer)) {
    session->state = done->state;
    while (!session->unanswered.empty() && session->unanswered.front().op <= done->last_op) {
      session->unanswered.pop_front();
    }
    if (done->owner != id_ || (!session->wanted && session->unanswered.empty())) drop(claim_id);
    return;
  }
  const Refusal& refusal = std::get<Refusal>(answer);
  if (std::holds_alternative<StaleGeneration>(refusal) ||
      std::holds_alternative<NotFound>(refusal)) {
    drop(claim_id);
  }
}

// ---- its stream ----

void ChaosGateway::cut() {
  if (stream_ == 0) return;
  chaos_.world->give(coordinator_, StreamClosed{stream_});
  stream_ = 0;
  listed_ = false;
  for (Session& one : sessions_) one.asked = false;
  // A claim whose client has gone is not repeated; if it is granted, the next list detaches it.
  std::erase_if(sessions_,
                [](const Session& one) { return one.generation == 0 && !one.wanted; });
}

void ChaosGateway::attach() {
  coordinator_ = chaos_.some_coordinator();
  if (!chaos_.world->alive(coordinator_)) return;
  const std::uint64_t credit = 2'000 + chaos_.world->below(20'000);
  stream_ = chaos_.world->open_stream(coordinator_, id_, credit);
  StreamListed list{.stream = stream_, .held = {}, .pending_claims = {}, .end = true};
  for (const Session& one : sessions_) {
    if (one.generation == 0) {
      list.pending_claims.push_back({one.key, one.claim.claim_id});
    } else {
      list.held.push_back(
          {one.key, one.generation, one.last_op, one.next - 1, one.acknowledged});
    }
  }
  chaos_.world->give(coordinator_, std::move(list));
}

void ChaosGateway::hear(const Notice& notice) {
  if (const auto* listed = std::get_if<ListAnswered>(&notice)) take(*listed);
  if (std::holds_alternative<ListEnded>(notice)) {
    listed_ = true;
    repeat();
  }
  const auto lost = [&](const std::string& key, Generation generation) {
    const Session* session = find(key, generation);
    if (session != nullptr) drop(std::string(session->claim.claim_id));
  };
  if (const auto* by = std::get_if<Superseded>(&notice)) lost(by->key, by->generation);
  if (const auto* released = std::get_if<Released>(&notice)) {
    lost(released->key, released->generation);
  }
  if (const auto* moved = std::get_if<StateMoved>(&notice)) {
    Session* session = find(moved->key, moved->generation);
    if (session != nullptr) session->state = moved->state;
  }
  if (const auto* delivered = std::get_if<EventsDelivered>(&notice)) take(*delivered);
}

void ChaosGateway::take(const ListAnswered& listed) {
  Session* session = find(listed.key, listed.generation);
  if (session == nullptr) return;
  const auto* kept = std::get_if<Kept>(&listed.answer);
  if (kept == nullptr) return drop(std::string(session->claim.claim_id));
  session->state = kept->state;
  while (!session->unanswered.empty() && session->unanswered.front().op <= kept->last_op) {
    session->unanswered.pop_front();
  }
}

void ChaosGateway::take(const EventsDelivered& delivered) {
  chaos_.world->give(coordinator_, StreamCredit{stream_, delivered.payload_bytes});
  const Record* ready = chaos_.ledger->find(
      delivered.key, delivered.generation,
      [](const Record& record) { return is_operational(record.state); });
  if (ready == nullptr) {
    chaos_.wrong.push_back(fmt::format("events of {} flow before {} is operational", delivered.key,
                                       delivered.generation));
    return;
  }
  Session* session = find(delivered.key, delivered.generation);
  if (session == nullptr) return;
  for (const OutboxEvent& event : delivered.events) {
    if (event.sequence < session->next) continue;
    if (event.sequence > session->next) {
      chaos_.wrong.push_back(fmt::format("{} ms: event {} of {} at {} skips from {}",
                                         chaos_.world->now_ms(), event.sequence, delivered.key,
                                         delivered.generation, session->next));
    }
    session->next = event.sequence + 1;
    // What is read just after the owner has ended its sequence may be of the next one already.
    const auto present = chaos_.world->record(delivered.key);
    const bool over = !present || present->sequence_since > ready->sequence_since;
    const auto& events = chaos_.ledger->events();
    const bool stored = std::any_of(events.begin(), events.end(), [&](const auto& one) {
      return one.key == delivered.key && (over || one.since == ready->sequence_since) &&
             one.event.sequence == event.sequence && one.event.id == event.id &&
             one.event.payload == event.payload;
    });
    if (!stored) {
      chaos_.wrong.push_back(fmt::format("{} ms: event {} of {}/{}, {}, is not what is stored",
                                         chaos_.world->now_ms(), event.sequence, delivered.key,
                                         ready->sequence_since, event.id));
    }
  }
}

void ChaosGateway::check(std::vector<std::string>& wrong) const {
  for (const Session& one : sessions_) {
    const auto record = chaos_.world->record(one.key);
    const std::string name = fmt::format("{} {} of {}", one.key, one.generation, id_);
    if (!record || record->generation != one.generation || record->owner != id_) {
      wrong.push_back(name + " is not its own any more, and it was not told");
    } else if (is_operational(record->state) && one.next != record->last_sequence + 1) {
      wrong.push_back(fmt::format("{} has events up to {} of {}", name, one.next - 1,
                                  record->last_sequence));
    }
  }
}

}  // namespace interlock
