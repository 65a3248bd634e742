// The generations that this gateway holds, and those that it has let go but not seen through.
//
// Each numbers its operations 1, 2, 3 ... and keeps them until they are answered. All unanswered
// ones go out together, lowest first, so that a copy that comes late or twice changes nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/packing.h"

namespace interlock {

inline constexpr std::size_t operations_per_request_max = 16;

using GenerationId = std::pair<std::string, std::uint64_t>;  // key and generation

class HeldGenerations {
 public:
  explicit HeldGenerations(std::string gateway_id) : gateway_id_(std::move(gateway_id)) {}

  // ---- from the sessions ----
  void granted(const GenerationId& id, std::uint64_t connection, std::uint64_t next_sequence);
  // A grant that nobody waits for: detached at once, unless it repeats one that is held.
  void granted_to_nobody(const GenerationId& id);
  // The request that carries it names this traceparent, or a later one.
  void operate(const GenerationId& id, v1::Operation operation, std::string traceparent = {});
  void acknowledge(const GenerationId& id, std::uint64_t sequence);
  void events_sent(const GenerationId& id, std::uint64_t sequence);
  // Detaches, unless it has ended or is ending already.
  void abandon(const GenerationId& id);
  // Nobody is told any more; what is unanswered is seen through.
  void forget(const GenerationId& id);

  // ---- from the coordinator; each returns the connection to tell, 0 for nobody ----
  std::uint64_t connection_of(const GenerationId& id) const;
  std::uint64_t answered(const v1::OperateAnswer& answer, std::uint64_t now_ms);
  // The record is another's (or nobody's) now.
  std::uint64_t lost(const GenerationId& id);
  // The three answers to the reconcile list.
  struct Kept {
    std::uint64_t connection = 0;
    bool answered_operations = false;  // taken, but their answer was lost with an earlier stream
  };
  Kept keep(const GenerationId& id, std::uint64_t last_op);
  std::uint64_t lost_in_list(const GenerationId& id);
  // The end of the list. What was not answered, or in a way that this build does not know, goes on:
  // the authority checks each operation anyway.
  void keep_unanswered();

  // ---- on a stream ----
  void start_stream();
  bool pack_list(Packing& out);  // true when all are in
  void pack_operations(Packing& out);
  void pack_acknowledgements(Packing& out);
  // Operations that were put off ("store away") go out again.
  std::optional<std::uint64_t> retry_at_ms() const;
  void retry();

  std::uint64_t unanswered() const { return unanswered_; }
  std::size_t size() const { return held_.size(); }

 private:
  struct Held {
    std::uint64_t connection = 0;  // who is told; 0: nobody any more
    bool ours = true;  // as far as is known here
    bool ending = false;  // a Detach, Close or Fail is among its operations
    bool unreconciled = false;  // listed on this stream; operations wait for the answer
    bool operations_queued = false;
    bool acknowledgement_queued = false;
    std::uint64_t last_op = 0;  // the last one numbered
    std::uint64_t sent_op = 0;  // the last one ever sent
    std::uint64_t said_op = 0;  // the last one sent on this stream
    std::vector<v1::Operation> unanswered;  // few; holds no memory while there are none
    std::string traceparent;  // of the last one; empty: not traced
    std::uint64_t last_sequence_sent = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t said_acknowledged = 0;  // on this stream
  };
  using Map = std::map<GenerationId, Held>;

  bool needs_saying(const Held& held) const;
  void queue_operations(const GenerationId& id, Held& held);
  std::uint64_t drop_up_to(Held& held, std::uint64_t last_op);
  void drop_all(Held& held);
  void settle(Map::iterator at);  // after operations were answered
  v1::OperateRequest request_of(const GenerationId& id, Held& held);

  std::string gateway_id_;
  Map held_;
  std::uint64_t unanswered_ = 0;
  std::deque<GenerationId> operations_;  // generations with something to send
  std::deque<GenerationId> acknowledgements_;  // likewise
  std::optional<GenerationId> listed_;  // on this stream, all up to here
  std::vector<GenerationId> put_off_;
  std::uint64_t retry_at_ms_ = 0;
};

}  // namespace interlock
