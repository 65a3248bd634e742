// Between the wire and the authority: messages to commands, answers to messages. Decides nothing.
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "coordinator/engine/connection_filter.h"
#include "coordinator/engine/engine_types.h"
#include "interlock/v1/admin.pb.h"
#include "interlock/v1/events.pb.h"
#include "interlock/v1/gateway.pb.h"

namespace interlock {

// The command, or the first thing that is wrong with the message.
template <class Wanted>
using Checked = std::variant<Wanted, Refusal>;

Checked<Claim> from_proto(const v1::ClaimRequest& request);
Checked<Abandon> from_proto(const v1::AbandonRequest& request);
Checked<Operate> from_proto(const v1::OperateRequest& request);
Checked<Acknowledge> from_proto(const v1::AcknowledgeRequest& request);
Checked<Publish> from_proto(const v1::PublishRequest& request);

// Nothing when the text is a filter; `filter` stays empty when it matches everything.
std::optional<Refusal> check_filter(const std::string& text,
                                    std::shared_ptr<const ConnectionFilter>& filter);
// Nothing when it may name a connection.
std::optional<Refusal> check_key(const std::string& key);
std::optional<Refusal> check_gateway_id(const std::string& gateway_id);

// Who and why, as it stands in the history: a reason of 1 to 200 bytes is needed.
Checked<std::string> steering_note(const std::string& who, const std::string& reason);

void to_proto(const std::string& key, const std::string& claim_id, const Granted& granted,
              v1::Granted* out);
void to_proto(const std::string& key, Generation generation, const Done& done, v1::Done* out);
void to_proto(const Receipt& receipt, v1::Receipt* out);
void to_proto(const OutboxEvent& event, v1::Event* out);
void to_proto(const SeenConnection& seen, v1::Consistency consistency, v1::Connection* out);
void to_proto(const Explained& explained, v1::ExplainResponse* out);
void to_proto(const SeenGateway& gateway, std::uint64_t tick_ms, v1::GatewayInfo* out);
// As it waits in an outbox, for an operator: a long payload is cut.
void to_proto(const OutboxEvent& event, v1::OutboxEntry* out);
// `number`: of the entry within the record.
void to_proto(const Transition& entry, std::uint64_t number, v1::HistoryEntry* out);
// Numbers entries that end a record's history: each has the number of the last step that it stands
// for, the newest one that of all steps so far.
void to_proto(const std::vector<Transition>& newest, std::uint64_t transitions_total,
              google::protobuf::RepeatedPtrField<v1::HistoryEntry>* entries);

}  // namespace interlock
