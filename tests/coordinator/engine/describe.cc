// Outputs in words, for traces that are compared and read.
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "tests/coordinator/engine/engine_world.h"

namespace interlock {
namespace {

struct DescribeRefusal {
  std::string operator()(const Stale& what) const { return fmt::format("Stale {}", what.current); }
  std::string operator()(const StaleGeneration& what) const {
    return fmt::format("StaleGeneration {}", what.current);
  }
  std::string operator()(const AlreadyOwned& what) const {
    return fmt::format("AlreadyOwned {}", what.current);
  }
  std::string operator()(const NotNow& what) const {
    return fmt::format("NotNow {}", what.after_ms);
  }
  std::string operator()(const PermissionDenied&) const { return "PermissionDenied"; }
  std::string operator()(const NotFound&) const { return "NotFound"; }
  std::string operator()(const IllegalTransition& what) const {
    return fmt::format("IllegalTransition {} -> {}", name_of(what.current),
                       name_of(what.requested));
  }
  std::string operator()(const Gone& what) const {
    return fmt::format("Gone {}", name_of(what.state));
  }
  std::string operator()(const ResourceExhausted& what) const {
    return fmt::format("ResourceExhausted {}", what.limit);
  }
  std::string operator()(const OutOfOrder& what) const {
    return fmt::format("OutOfOrder {}", what.last_number);
  }
  std::string operator()(const AlreadyAccepted& what) const {
    return fmt::format("AlreadyAccepted {} {}", what.last_number, what.last_sequence);
  }
  std::string operator()(const UnknownRun&) const { return "UnknownRun"; }
  std::string operator()(const InvalidArgument& what) const {
    return fmt::format("InvalidArgument {}", what.field);
  }
  std::string operator()(const StoreAway&) const { return "StoreAway"; }
  std::string operator()(const GatewayExpired&) const { return "GatewayExpired"; }
};

struct DescribeAnswer {
  std::string operator()(const Granted& what) const {
    return fmt::format("Granted {} {} {}..{}{}", what.generation, name_of(what.state),
                       what.next_sequence, what.last_sequence, what.resumed ? " resumed" : "");
  }
  std::string operator()(const Done& what) const {
    return fmt::format("Done {} {} '{}' refused {}", what.last_op, name_of(what.state), what.owner,
                       what.refused.size());
  }
  std::string operator()(const Settled&) const { return "Settled"; }
  std::string operator()(const Receipt& what) const {
    return fmt::format("Receipt {}/{} {}{}", what.sequence_since, what.sequence,
                       name_of(what.state), what.repeated ? " repeated" : "");
  }
  std::string operator()(const Found& what) const {
    return fmt::format("Found {} {} '{}' {}..{}", what.record.generation,
                       name_of(what.record.state), what.record.owner, what.record.acknowledged,
                       what.record.last_sequence);
  }
  std::string operator()(const Refusal& refusal) const {
    return std::visit(DescribeRefusal{}, refusal);
  }
};

struct DescribeCommand {
  std::string operator()(const Claim& what) const {
    return fmt::format("claim {} for {} through {}{}", what.claim_id, what.gateway_id,
                       name_of(what.through), what.policy == Policy::kReject ? " or reject" : "");
  }
  std::string operator()(const Abandon& what) const {
    return fmt::format("abandon {} of {}", what.claim_id, what.gateway_id);
  }
  std::string operator()(const Operate& what) const {
    return fmt::format("operate {} by {} ops {}..{}", what.generation, what.gateway_id,
                       what.operations.empty() ? 0 : what.operations.front().op,
                       what.operations.empty() ? 0 : what.operations.back().op);
  }
  std::string operator()(const Acknowledge& what) const {
    return fmt::format("acknowledge {} up to {}", what.generation, what.sequence);
  }
  std::string operator()(const Publish& what) const {
    return fmt::format("publish {}{} {}", what.run, what.idempotency_key, what.number);
  }
  std::string operator()(const Forget& what) const {
    return fmt::format("forget {}", what.generation);
  }
  std::string operator()(const ClosedTold& what) const {
    return fmt::format("closed told {}", what.generation);
  }
  std::string operator()(const Steer& what) const {
    return fmt::format("{} {}", what.kind == Steer::Kind::kKick ? "kick" : "release",
                       what.generation);
  }
  std::string operator()(const Sweep& what) const {
    return fmt::format("sweep {}{}", what.seen, what.capped ? " capped" : "");
  }
  std::string operator()(const Lookup&) const { return "look"; }
};

struct DescribeNotice {
  std::string operator()(const ListAnswered& what) const {
    const auto* kept = std::get_if<Kept>(&what.answer);
    const auto* by = std::get_if<SupersededBy>(&what.answer);
    return fmt::format("list {} {} {}", what.key, what.generation,
                       kept ? fmt::format("kept {}", name_of(kept->state))
                       : by ? fmt::format("superseded by {}", by->generation)
                            : "released");
  }
  std::string operator()(const ListEnded&) const { return "list ended"; }
  std::string operator()(const Superseded& what) const {
    return fmt::format("superseded {} {} by {}", what.key, what.generation, what.by);
  }
  std::string operator()(const Released& what) const {
    return fmt::format("released {} {} reason {}", what.key, what.generation,
                       static_cast<int>(what.why.reason));
  }
  std::string operator()(const StateMoved& what) const {
    return fmt::format("moved {} {} {}", what.key, what.generation, name_of(what.state));
  }
  std::string operator()(const HeartbeatConfirmed& what) const {
    return fmt::format("heartbeat {}", what.number);
  }
  std::string operator()(const AttachAgain&) const { return "attach again"; }
  std::string operator()(const LeaseExpired&) const { return "LeaseExpired"; }
  std::string operator()(const GatewayToDrain& what) const {
    return fmt::format("drain {} a second", what.per_s);
  }
  std::string operator()(const StoreIsAway& what) const {
    return what.away ? "store away" : "store back";
  }
  std::string operator()(const ClosedToTell& what) const {
    return fmt::format("closed {} {} to tell", what.key, what.generation);
  }
  std::string operator()(const EventsDelivered& what) const {
    return fmt::format("events {} {} {}..{} {} bytes", what.key, what.generation,
                       what.events.front().sequence, what.events.back().sequence,
                       what.payload_bytes);
  }
};

struct DescribeOutput {
  std::string operator()(const StartLoad&) const { return "load"; }
  std::string operator()(const StartWatch& what) const {
    return fmt::format("watch {}", what.from.value);
  }
  std::string operator()(const StartCommit& what) const {
    std::string line = fmt::format("commit {}", what.commit);
    for (const Entry& entry : what.batch) {
      line += fmt::format(" [{} over {} write {} puts {} hash {}]", entry.key, entry.expected,
                          static_cast<int>(entry.write), entry.put.size(),
                          std::hash<std::string>{}(entry.record));
    }
    return line;
  }
  std::string operator()(const StartRead& what) const {
    std::string line = fmt::format("read {}", what.read);
    for (const ReadRequest& one : what.requests) {
      line += fmt::format(" [{} {}+{}]", one.key, one.from, one.limit);
    }
    return line;
  }
  std::string operator()(const Answered& what) const {
    return fmt::format("answer {} {} {} @{}", what.ticket, what.key, describe(what.answer),
                       what.revision);
  }
  std::string operator()(const Scanned& what) const {
    return fmt::format("scan {} {} next '{}'", what.ticket, what.connections.size(), what.next);
  }
  std::string operator()(const Observed& what) const { return fmt::format("seen {}", what.ticket); }
  std::string operator()(const Explained& what) const {
    return fmt::format("explained {}", what.ticket);
  }
  std::string operator()(const GatewaysSeen& what) const {
    return fmt::format("gateways {} {}", what.ticket, what.gateways.size());
  }
  std::string operator()(const Watched& what) const {
    return fmt::format("watch {} {} steps {}", what.watcher, what.key, what.steps.size());
  }
  std::string operator()(const Notified& what) const {
    return fmt::format("stream {}: {}", what.stream, std::visit(DescribeNotice{}, what.notice));
  }
  std::string operator()(const Happened& what) const {
    return fmt::format("happened {} {} -> {} {}", what.key, name_of(what.step.from),
                       name_of(what.step.to), what.step.generation);
  }
  std::string operator()(const RunOver& what) const {
    return fmt::format("run {} of {} over, {}", what.run.name, what.key,
                       what.run.complete ? "complete" : "incomplete");
  }
  std::string operator()(const ClosedGivenUp& what) const {
    return fmt::format("closed {} {} given up", what.key, what.generation);
  }
  std::string operator()(const OutboxSeen& what) const {
    return fmt::format("outbox {}", what.ticket);
  }
  std::string operator()(const Published& what) const {
    return fmt::format("published {} held {}", what.events, what.held);
  }
  std::string operator()(const FeedSeen& what) const { return fmt::format("fed {}", what.lag_ms); }
  std::string operator()(const Committed& what) const {
    return fmt::format("committed {} refused {} unknown {} failed {}", what.entries, what.refused,
                       what.unknown, what.failed);
  }
  std::string operator()(const Fatal& what) const { return "fatal " + what.reason; }
};

}  // namespace

std::string describe(const Output& output) { return std::visit(DescribeOutput{}, output); }
std::string describe(const Command& command) { return std::visit(DescribeCommand{}, command); }
std::string describe(const Answer& answer) { return std::visit(DescribeAnswer{}, answer); }

}  // namespace interlock
