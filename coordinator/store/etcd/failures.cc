#include "coordinator/store/etcd/failures.h"

#include <string>

#include "fmt/format.h"

namespace interlock::etcd {
namespace {

struct Known {
  std::string_view part;  // of the message
  Verdict verdict;
  absl::StatusCode code;
  std::string_view sentence;
};

// "Space exceeded" is not surely refused: an applier says so after it has applied the Txn
// (quotaApplierV3.Txn). "Failed to connect" and "DNS" come from this side, before anything is sent.
constexpr Known kKnown[] = {
    {"invalid auth token", Verdict::kToken, absl::StatusCode::kUnauthenticated,
     "etcd does not know this coordinator's token (any more)"},
    {"revision of auth store is old", Verdict::kToken, absl::StatusCode::kUnauthenticated,
     "Users or roles were changed in etcd since this coordinator's token was made"},
    {"user name is empty", Verdict::kToken, absl::StatusCode::kUnauthenticated,
     "etcd wants a user and a password: write etcd://user:password@host in --store"},
    {"authentication failed", Verdict::kFailed, absl::StatusCode::kPermissionDenied,
     "User or password are wrong: correct them in --store"},
    {"permission denied", Verdict::kChildAtFault, absl::StatusCode::kPermissionDenied,
     "The etcd user may not do that: grant its role readwrite on the whole prefix that --store "
     "names"},
    {"request is too large", Verdict::kChildAtFault, absl::StatusCode::kInvalidArgument,
     "etcd's --max-request-bytes is smaller than max_request_bytes in --store: make them equal"},
    {"trying to send message larger", Verdict::kChildAtFault, absl::StatusCode::kInvalidArgument,
     "etcd's --max-request-bytes is smaller than max_request_bytes in --store: make them equal"},
    {"received message larger", Verdict::kChildAtFault, absl::StatusCode::kInvalidArgument,
     "etcd's --max-request-bytes is smaller than max_request_bytes in --store: make them equal"},
    {"too many operations", Verdict::kChildAtFault, absl::StatusCode::kInvalidArgument,
     "etcd's --max-txn-ops is smaller than max_txn_ops in --store: make them equal"},
    {"database space exceeded", Verdict::kUnknown, absl::StatusCode::kUnavailable,
     "etcd's space quota is used up: defragment its members, raise --quota-backend-bytes, and "
     "disarm the alarm"},
    {"too many requests", Verdict::kFailed, absl::StatusCode::kUnavailable,
     "etcd is behind with applying what it has accepted: its disk is too slow for what it is "
     "asked"},
    {"raft proposal dropped", Verdict::kFailed, absl::StatusCode::kUnavailable,
     "etcd took no proposal: its leadership is being transferred, or it is overloaded"},
    {"no leader", Verdict::kNextMember, absl::StatusCode::kUnavailable,
     "etcd has no leader: a majority of its members must be up and reach each other"},
    {"not capable", Verdict::kNextMember, absl::StatusCode::kUnavailable,
     "The etcd member is starting"},
    {"not supported for learner", Verdict::kNextMember, absl::StatusCode::kUnavailable,
     "The etcd member is a learner: name voting members in --store"},
    {"corrupt cluster", Verdict::kUnknown, absl::StatusCode::kDataLoss,
     "etcd has found that its members' data differ: nothing in it can be believed"},
    {"failed to connect to all addresses", Verdict::kNextMember, absl::StatusCode::kUnavailable,
     "The etcd member cannot be reached: check address, port and TLS in --store"},
    {"DNS resolution failed", Verdict::kNextMember, absl::StatusCode::kUnavailable,
     "The etcd member's name cannot be resolved: check it in --store"},
    {"has been compacted", Verdict::kFailed, absl::StatusCode::kAborted,
     "etcd's history was compacted meanwhile: load again"},
};

constexpr int kDeadlineExceeded = 4;
constexpr int kUnimplemented = 12;

// From checks before anything is applied, of the request rather than of the member.
bool is_of_request(int code) {
  constexpr int kInvalidArgument = 3, kNotFound = 5, kPermissionDenied = 7, kFailedPrecondition = 9,
                kOutOfRange = 11;
  return code == kInvalidArgument || code == kNotFound || code == kPermissionDenied ||
         code == kFailedPrecondition || code == kOutOfRange;
}

}  // namespace

Failure failure_of(int code, std::string_view message) {
  for (const Known& known : kKnown) {
    if (message.find(known.part) == std::string_view::npos) continue;
    const std::string sentence = fmt::format("{}. (etcd: {})", known.sentence, message);
    return {known.verdict, absl::Status(known.code, sentence)};
  }
  if (code == kUnimplemented) {
    return {Verdict::kFailed, absl::FailedPreconditionError(fmt::format(
                                  "What answers there is no etcd with the v3 API: check --store. "
                                  "({})",
                                  message))};
  }
  if (is_of_request(code)) {
    return {Verdict::kChildAtFault,
            absl::FailedPreconditionError(fmt::format("etcd refused the request: {}.", message))};
  }
  if (code == kDeadlineExceeded) {
    return {Verdict::kUnknown, absl::UnavailableError("etcd has not answered in time.")};
  }
  return {Verdict::kUnknown,
          absl::UnavailableError(fmt::format("The call to etcd broke: {}.", message))};
}

bool points_at_member(const Failure& failure) {
  return failure.verdict == Verdict::kNextMember ||
         (failure.verdict == Verdict::kUnknown && absl::IsUnavailable(failure.reason));
}

}  // namespace interlock::etcd
