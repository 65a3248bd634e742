// A coordinator small enough for a test: one value in memory; no store, no clock. A lease runs out
// when the test says so.
//
// It speaks Attach as the real one does and keeps the rules that a gateway can see: generations
// rise, operations are taken once and in order, a superseded or abandoned claim id is stale, and
// attaching reconciles. It has no transition table: what an owner asks for happens.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "interlock/v1/gateway.pb.h"

namespace interlock {

class MemoryCoordinator {
 public:
  // What a test wants otherwise. Empty, or nothing returned: the usual answer. A refusal leaves the
  // record as it is.
  std::function<std::optional<v1::Refusal>(const v1::ClaimRequest&)> refuse_claim;
  std::function<std::optional<v1::Refusal>(const v1::OperateRequest&)> refuse_operations;
  std::uint64_t heartbeat_ms = 5'000;  // said in every hello
  std::uint64_t lease_ttl_ms = 15'000;  // likewise; it counts no time, see expire()
  bool confirm_heartbeats = true;
  // Says STORE_AWAY in every hello, confirms and decides nothing. To say it on streams that stand,
  // see say_store_away().
  bool store_away = false;
  int events_per_delivery = 1;
  bool silent = false;  // reads, and says nothing, until this is false again
  std::map<std::string, v1::GatewayLoad> loads;  // what each gateway said of itself last

  struct Record {
    v1::State state = v1::CONNECTING;
    std::uint64_t generation = 0;
    std::string owner;  // gateway id; empty: nobody
    std::string subject;
    std::string claim_id;
    std::uint64_t last_op = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t revision = 0;  // of the last change
    std::deque<v1::Event> outbox;  // not acknowledged, in order
    std::uint64_t last_sequence = 0;
    std::vector<v1::Operation> taken;  // in this generation, in order
  };
  const Record* find(const std::string& key) const;

  // A stream of a gateway. What is received on a closed one is still carried out, as a late copy
  // would be; its answers are lost.
  void stream_opened(std::uint64_t stream);
  void stream_closed(std::uint64_t stream);
  void receive(std::uint64_t stream, const v1::AttachRequest& request);
  // What has been said on it since the last call.
  std::vector<v1::AttachResponse> take(std::uint64_t stream);

  // ---- what others do ----
  // Returns the sequence; 0 when the key is not known.
  std::uint64_t publish(const std::string& key, const std::string& type,
                        const std::string& payload);
  // Another gateway claims the key.
  void take_over(const std::string& key, const std::string& gateway_id);
  // Takes the owner away, as an operator or an expired lease does.
  void release(const std::string& key, v1::Reason reason, std::uint32_t close_code);
  void move(const std::string& key, v1::State state);  // without the owner's asking
  // To every open stream.
  void drain();
  void say_store_away(bool away);
  // The lease of this gateway has run out, for good: it owns nothing any more, and is told so.
  void expire(const std::string& gateway_id);
  bool expired(const std::string& gateway_id) const { return expired_.contains(gateway_id); }

 private:
  struct Stream {
    bool open = true;
    std::string gateway_id;
    std::uint64_t list_began = 0;  // the revision then
    bool listed = false;
    std::set<std::string> kept;  // keys that the list named rightly, by generation or claim
    std::uint64_t credit = 0;
    std::map<std::string, std::uint64_t> sent;  // by key: the last sequence sent
    v1::AttachResponse out;
    bool said = false;
  };
  void greet(Stream& stream, const v1::GatewayHello& hello);
  void reconcile(Stream& stream, const v1::Held& held);
  void end_list(Stream& stream);
  v1::ClaimAnswer claim(Stream& stream, const v1::ClaimRequest& request);
  v1::Granted grant(Record& record, const v1::ClaimRequest& request);
  void displace(const std::string& key, Record& record);
  void abandon(const v1::AbandonRequest& request);
  v1::OperateAnswer operate(const v1::OperateRequest& request);
  void take_operation(Record& record, const v1::Operation& operation, v1::Done& done);
  void acknowledge(Record& record, std::uint64_t generation, std::uint64_t sequence);
  void deliver(Stream& stream);
  Stream* stream_of(const std::string& gateway_id);  // the newest that is open

  std::uint64_t revision_ = 1000;  // generations are revisions, as in the store
  std::map<std::string, Record> records_;
  std::map<std::string, std::deque<std::string>> spent_;  // claim ids by key, the last 8
  std::map<std::uint64_t, Stream> streams_;
  std::set<std::string> expired_;  // gateway ids
};

}  // namespace interlock
