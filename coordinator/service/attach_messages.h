// What an Attach stream says, apart from what carries it: requests become checked inputs of the
// engine, and its notices and answers become parts of a response. Decides nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/engine/engine_types.h"
#include "interlock/v1/gateway.pb.h"

namespace interlock {

// Whose answer it is: the claim or the generation that the gateway named.
struct Addressee {
  enum class Kind : std::uint8_t { kNobody, kClaim, kOperation };
  Kind kind = Kind::kNobody;
  std::string key;
  std::string claim_id;
  Generation generation = 0;
};
struct AttachCommand {
  std::string key;
  Command command;
  Addressee answer_to;
  std::string traceparent = {};  // as the gateway says it
};

// What one request asks of the engine, in this order.
struct AttachInputs {
  std::optional<v1::GatewayHello> hello;  // the stream begins
  std::optional<StreamListed> listed;     // its `stream` is the caller's to fill in
  std::vector<AttachCommand> commands;
  std::vector<std::pair<Addressee, Refusal>> refused;  // at once: they make no sense
  std::uint64_t credit_bytes = 0;
  std::optional<std::uint64_t> heartbeat;
  std::string load;  // what came with it, as bytes of a GatewayLoad; empty: nothing that is kept
};

// Reads the requests of one stream, in their order.
class AttachReader {
 public:
  // What is wrong with the request, as a sentence; empty: nothing. Then the stream is over.
  std::string take(const v1::AttachRequest& request, AttachInputs& inputs);
  const std::string& gateway_id() const { return gateway_id_; }

 private:
  std::string take_hello(const v1::AttachRequest& request, AttachInputs& inputs);
  std::string take_list(const v1::AttachRequest& request, AttachInputs& inputs);
  void take_claims(const v1::AttachRequest& request, AttachInputs& inputs) const;
  void take_operations(const v1::AttachRequest& request, AttachInputs& inputs) const;
  void take_rest(const v1::AttachRequest& request, AttachInputs& inputs) const;

  std::string gateway_id_;  // empty: no hello yet
  bool list_ended_ = false;
};

void add_hello(std::string_view coordinator_id, std::uint64_t lease_ttl_ms,
               std::uint64_t heartbeat_ms, v1::AttachResponse& out);
void add_answer(const Addressee& to, const Answer& answer, v1::AttachResponse& out);
// Everything but events, which wait behind the rest as messages of their own.
void add_notice(const Notice& notice, v1::AttachResponse& out);
v1::Delivery to_proto(const EventsDelivered& delivered);

}  // namespace interlock
