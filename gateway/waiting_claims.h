// The claims that wait for their answer, and those whose client has gone meanwhile.
//
// A claim that waits is said again on every new stream, with the same claim id, after it was listed
// there. One that was abandoned never is: instead its abandoning is said, on every new stream,
// until the claim is answered or a later heartbeat is confirmed, which shows that the coordinator
// has read it. What is lost all the same is not listed, so that the next attach detaches it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/packing.h"

namespace interlock {

class WaitingClaims {
 public:
  // `abandoned_max`: of those kept, the oldest goes first.
  explicit WaitingClaims(std::uint64_t abandoned_max) : abandoned_max_(abandoned_max) {}

  // The connection has no other waiting claim, and the claim id was never used.
  void add(std::uint64_t connection, v1::ClaimRequest request);
  void abandon(std::uint64_t connection);
  // The connection that waited for this answer and waits no longer; nothing when nobody did.
  std::optional<std::uint64_t> answered(const std::string& key, const std::string& claim_id);
  void heartbeat_confirmed(std::uint64_t number);
  struct Waiting {
    std::uint64_t connection = 0;
    v1::ClaimRequest request;
    bool ever_sent = false;
  };
  // Forgets everything; returns those that waited, in the order in which they came.
  std::vector<Waiting> take_all();
  std::vector<std::uint64_t> connections() const;  // that wait

  // A new stream: nothing has been listed or said on it.
  void start_stream();
  // Lists the claims that were sent on earlier streams; true when all of them are in.
  bool pack_list(Packing& out);
  void pack_claims(Packing& out);
  // `next_heartbeat`: the number of the first heartbeat that goes out behind this message.
  void pack_abandons(Packing& out, std::uint64_t next_heartbeat);

  std::uint64_t waiting() const { return waiting_.size(); }
  std::uint64_t abandoned() const { return abandoned_.size(); }

 private:
  struct Abandoned {
    v1::AbandonRequest request;
    std::uint64_t heartbeat = 0;  // its confirmation shows that this was read; 0: not said yet
  };
  using Order = std::uint64_t;  // in which they came

  Order next_order_ = 1;
  std::map<Order, Waiting> waiting_;
  std::map<Order, Abandoned> abandoned_;
  std::unordered_map<std::string, Order> by_name_;  // of both: key and claim id
  std::unordered_map<std::uint64_t, Order> by_connection_;

  Order listed_ = 0;  // on this stream, all up to here
  Order list_end_ = 0;  // what came later need not be listed
  Order claims_said_ = 0;  // on this stream, all up to here
  Order abandons_said_ = 0;  // likewise
  std::uint64_t abandoned_max_;
};

}  // namespace interlock
