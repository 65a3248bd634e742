#include "tests/crash/asker.h"

#include <utility>

namespace interlock {
namespace {

constexpr int kConnections = 12;
constexpr int kAskingMax = 6;

struct DescribeCommand {
  DiaryLine operator()(const Claim& claim) const { return {"claim", claim.claim_id}; }
  DiaryLine operator()(const Operate& operate) const {
    return {"operate", std::to_string(operate.generation)};
  }
  DiaryLine operator()(const Publish& publish) const { return {"publish", publish.payload}; }
  DiaryLine operator()(const Forget&) const { return {"forget", ""}; }
  template <class Other>
  DiaryLine operator()(const Other&) const {
    return {"other", ""};
  }
};

struct DescribeAnswer {
  DiaryLine operator()(const Granted& granted) const {
    return {"granted", std::to_string(granted.generation)};
  }
  DiaryLine operator()(const Done& done) const {
    return {"done", std::to_string(done.last_op), std::to_string(static_cast<int>(done.state))};
  }
  DiaryLine operator()(const Receipt& receipt) const {
    return {"receipt", std::to_string(receipt.sequence_since), std::to_string(receipt.sequence)};
  }
  DiaryLine operator()(const Settled&) const { return {"settled"}; }
  DiaryLine operator()(const Found& found) const {
    return {"found", std::to_string(found.record.generation)};
  }
  DiaryLine operator()(const Refusal&) const { return {"refused"}; }
};

}  // namespace

Asker::Asker(EngineThread& engine, BlackBox& box, std::uint64_t life)
    : engine_(engine), box_(box), life_(std::to_string(life)), random_(life) {
  for (int i = 0; i < kConnections; ++i) connections_["alice:" + std::to_string(i)];
}

void Asker::work(std::uint64_t answers) {
  std::uint64_t come = 0;
  std::uint64_t asked = 0;
  while (come < answers) {
    for (auto& [key, connection] : connections_) {
      if (connection.asking || asked - come >= kAskingMax || random_() % 2 == 0) continue;
      connection.asking = true;
      ++asked;
      ask(key, next_command(key, connection));
    }
    std::unique_lock lock(mutex_);
    come_.wait(lock, [this, &asked, &come] { return !given_.empty() || asked == come; });
    while (!given_.empty()) {
      learn(given_.front());
      given_.pop_front();
      ++come;
    }
  }
}

void Asker::ask(const std::string& key, Command command) {
  const std::string number = std::to_string(++questions_);
  DiaryLine line{"ask", number, key};
  for (std::string& field : std::visit(DescribeCommand{}, command)) line.push_back(field);
  BlackBox::Hold(box_).note(line);
  engine_.ask(key, command, [this, number, key, command](Answer answer, Revision revision) {
    note_answer(number, answer, revision);
    const std::lock_guard lock(mutex_);
    given_.push_back({key, command, std::move(answer)});
    come_.notify_one();
  });
}

void Asker::note_answer(const std::string& number, const Answer& answer, Revision revision) {
  DiaryLine line{"answered", number, std::to_string(revision)};
  for (std::string& field : std::visit(DescribeAnswer{}, answer)) line.push_back(field);
  BlackBox::Hold hold(box_);
  hold.reach("answer.before");
  hold.note(line);
  hold.reach("answer.after");
}

Command Asker::next_command(const std::string&, Connection& connection) {
  if (!connection.known) return Lookup{};
  if (!connection.exists) return claim();
  const std::uint64_t luck = random_() % 100;
  if (connection.state == State::kClosed && luck < 50) return Forget{connection.generation};
  if (is_final(connection.state) || luck < 8) return claim();
  if (luck < 60) return publish(connection);
  const bool ours = connection.owner.find("-" + life_ + "-") != std::string::npos;
  return ours ? Command{operate(connection)} : Command{claim()};
}

Claim Asker::claim() {
  const State through = random_() % 4 == 0 ? State::kConnecting : State::kProcessingReady;
  return {.subject = "alice",
          .gateway_id = "gateway-" + life_ + "-" + (random_() % 2 == 0 ? "a" : "b"),
          .claim_id = name("claim-"),
          .through = through};
}

Publish Asker::publish(Connection& connection) {
  Publish event{.type = "token", .payload = '"' + name("event-")};
  event.payload += std::string(random_() % 1500, '.') + '"';
  if (random_() % 3 == 0) {
    event.idempotency_key = name("key-");
    return event;
  }
  if (connection.run_number == 0) {
    connection.run = name("run-");
    event.type = "agent_started";
  } else if (random_() % 6 == 0) {
    event.type = "agent_completed";
  }
  event.run = connection.run;
  event.number = connection.run_number + 1;
  return event;
}

// An operational connection is kept busy; now and then its socket is lost, or the client is done.
Operate Asker::operate(const Connection& connection) {
  Operation operation{.op = connection.last_op + 1};
  const std::uint64_t luck = random_() % 12;
  if (luck == 0) {
    operation.kind = Operation::Kind::kDetach;
    operation.reason = Reason::kSocketLost;
  } else if (luck == 1) {
    operation.kind = Operation::Kind::kClose;
    operation.reason = Reason::kClientDone;
  } else if (is_operational(connection.state) || connection.state == State::kReconnecting) {
    operation.to = luck % 2 == 0 ? State::kDegraded : State::kProcessingReady;
  } else {
    operation.to = static_cast<State>(static_cast<int>(connection.state) + 1);
  }
  const Sequence acknowledged =
      connection.last_sequence > 3 ? connection.last_sequence - random_() % 4 : 0;
  return {.gateway_id = connection.owner,
          .generation = connection.generation,
          .operations = {operation},
          .acknowledged = acknowledged};
}

void Asker::learn(const Given& given) {
  Connection& connection = connections_[given.key];
  connection.asking = false;
  if (const auto* found = std::get_if<Found>(&given.answer)) {
    const Record& record = found->record;
    connection = {.known = true,
                  .exists = true,
                  .state = record.state,
                  .generation = record.generation,
                  .owner = record.owner,
                  .last_op = record.last_op,
                  .last_sequence = record.last_sequence};
    for (const Run& run : record.runs) {
      if (!run.open) continue;
      connection.run = run.name;
      connection.run_number = run.last_number;
    }
  } else if (const auto* granted = std::get_if<Granted>(&given.answer)) {
    connection.exists = true;
    connection.state = granted->state;
    connection.generation = granted->generation;
    connection.owner = std::get<Claim>(given.command).gateway_id;
    connection.last_op = 0;
    connection.last_sequence = granted->last_sequence;
    if (granted->last_sequence == 0) connection.run_number = 0;
  } else if (const auto* done = std::get_if<Done>(&given.answer)) {
    connection.state = done->state;
    connection.owner = done->owner;
    connection.last_op = done->last_op;
  } else if (const auto* receipt = std::get_if<Receipt>(&given.answer)) {
    const auto& event = std::get<Publish>(given.command);
    connection.state = receipt->state;
    connection.last_sequence = receipt->sequence;
    const bool ends = event.type == "agent_completed";
    if (!event.run.empty()) connection.run_number = ends ? 0 : event.number;
  } else {
    // Forgotten, or refused: it looks again.
    const auto* refusal = std::get_if<Refusal>(&given.answer);
    const bool absent = refusal != nullptr && std::holds_alternative<NotFound>(*refusal);
    connection = {.known = absent};
  }
}

}  // namespace interlock
