#include <algorithm>
#include <utility>

#include "coordinator/engine/record_codec.h"
#include "tests/crash/promised.h"

namespace interlock {

void PromisedByEngine::take(const std::vector<DiaryLine>& diary, std::vector<std::string>& wrong) {
  questions_.clear();
  for (const DiaryLine& line : diary) {
    if (line[0] == "ask") {
      questions_[line[1]] = {line[2], line[3], line[4]};
      const auto known = connections_.find(line[2]);
      if (line[3] == "forget" && known != connections_.end()) known->second.may_be_forgotten = true;
    } else if (line[0] == "answered") {
      take_answer(questions_.at(line[1]), line, wrong);
    }
  }
}

// answered <question> <revision> <kind of answer> <its fields>
void PromisedByEngine::take_answer(const Question& question, const DiaryLine& line,
                                   std::vector<std::string>& wrong) {
  ++answers_;
  const std::string& key = question.key;
  const Revision revision = number(line[2]);
  const std::string& kind = line[3];
  if (kind == "granted") {
    const Generation generation = number(line[4]);
    if (generation <= floor_[key]) {
      wrong.push_back("the generation of " + key + " went back to " + line[4]);
    }
    floor_[key] = generation;
    highest_ = std::max(highest_, generation);
    Connection& connection = connections_[key];
    connection.generation = generation;
    connection.claim_id = question.detail;
    connection.last_op = 0;
    connection.state.reset();
    connection.seen = revision;
    connection.may_be_forgotten = false;
    return;
  }
  if (question.kind == "forget") {
    if (kind == "settled") connections_.erase(key);
    return;
  }
  const auto known = connections_.find(key);
  if (known == connections_.end()) return;
  Connection& connection = known->second;
  if (kind == "done" && number(question.detail) == connection.generation) {
    connection.last_op = number(line[4]);
    connection.state = static_cast<State>(number(line[5]));
    connection.revision = revision;
  } else if (kind == "receipt") {
    connection.payloads[{number(line[4]), number(line[5])}] = question.detail;
  } else {
    return;
  }
  connection.seen = std::max(connection.seen, revision);
}

void PromisedByEngine::compare(const std::map<std::string, std::optional<Record>>& records,
                               const Contents& found, std::vector<std::string>& wrong) const {
  for (const auto& [key, promised] : connections_) {
    const auto stands = records.find(key);
    if (stands == records.end() || !stands->second) {
      if (!promised.may_be_forgotten) wrong.push_back(key + " was granted and is unknown");
      continue;
    }
    const Record& record = *stands->second;
    const Revision revision = found.records.at(store_key(key)).record.revision;
    const auto complain = [&](const std::string& what) { wrong.push_back(key + ": " + what); };
    if (revision < promised.seen) complain("an answer's revision is above the record's");
    if (record.generation < promised.generation) complain("the generation went back");
    if (record.generation == promised.generation) {
      if (record.claim_id != promised.claim_id) complain("another claim has this generation");
      if (record.last_op < promised.last_op) complain("an operation is missing");
      const bool untouched = promised.state && promised.revision == revision;
      if (untouched && record.state != *promised.state) complain("the state is another one");
    }
    compare_events(key, promised, record, found, wrong);
  }
}

void PromisedByEngine::compare_events(const std::string& key, const Connection& promised,
                                      const Record& record, const Contents& found,
                                      std::vector<std::string>& wrong) {
  const auto& attachments = found.records.at(store_key(key)).attachments;
  for (const auto& [place, payload] : promised.payloads) {
    const auto [since, sequence] = place;
    if (record.sequence_since > since) continue;  // that sequence has ended
    const std::string event = key + ": event " + std::to_string(sequence);
    if (record.sequence_since < since || record.last_sequence < sequence) {
      wrong.push_back(event + " was accepted and has no place");
      continue;
    }
    if (sequence <= record.acknowledged || record.state == State::kClosed) continue;
    const auto kept = attachments.find(sequence);
    if (kept == attachments.end()) {
      wrong.push_back(event + " was accepted and is gone");
      continue;
    }
    const auto decoded = decode_event(sequence, kept->second);
    if (!decoded.ok() || decoded->payload != payload) wrong.push_back(event + " is another one");
  }
}

std::vector<std::string> PromisedByEngine::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, floor] : floor_) keys.push_back(key);
  return keys;
}

}  // namespace interlock
