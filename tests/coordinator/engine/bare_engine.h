// An engine on its own, fed by hand: for what must arrive in an order of the test's choice.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "coordinator/engine/engine.h"
#include "coordinator/engine/record_codec.h"

namespace interlock {

inline LoadedRecord loaded(std::string key, Revision revision, std::string bytes) {
  return {std::move(key), {std::move(bytes), revision}};
}
inline LoadedRecord base_record(std::uint64_t base) {
  return loaded(std::string(kBaseKey), 1, encode_base(base));
}
inline std::string bytes_of(State state, const std::string& owner = {}) {
  return encode(Record{.state = state, .subject = "alice", .owner = owner});
}

class BareEngine {
 public:
  explicit BareEngine(EngineLimits limits = {})
      : engine(limits, StoreTraits{}, [] { return 0.5; }) {}

  Outputs give(Input input) {
    std::vector<Input> inputs;
    inputs.push_back(std::move(input));
    return engine.step(std::move(inputs), {now_ms, 1'700'000'000'000'000});
  }
  Outputs nothing() { return engine.step({}, {now_ms, 1'700'000'000'000'000}); }

  // Serving, with base 1,000 and the leases of two gateways at position 1.
  void start() {
    nothing();
    const std::string lease = encode(Lease{.renewed_tick = 1'000'000'000});
    give(RecordsLoaded{{base_record(1'000), loaded(lease_key("gateway-a"), 1, lease),
                        loaded(lease_key("gateway-b"), 1, lease)}});
    give(LoadEnded{Position{1}});
  }
  // The gateway's stream, its list empty.
  void attach(StreamId stream, const std::string& gateway) {
    const Outputs opened = give(
        StreamOpened{.stream = stream, .gateway_id = gateway, .credit_bytes = 1024 * 1024});
    for (const StartCommit& commit : of<StartCommit>(opened)) give(applied(commit, 1));
    give(StreamListed{.stream = stream, .held = {}, .pending_claims = {}, .end = true});
  }
  // The one commit among the outputs.
  static StartCommit commit_of(const Outputs& outputs) { return of<StartCommit>(outputs).at(0); }
  // What the feed would say of a commit's entry, had it landed at this revision.
  static FeedChanged shown(const StartCommit& commit, Revision revision) {
    const Entry& entry = commit.batch.at(0);
    return {{{entry.key, revision, entry.record}}, Position{revision}};
  }
  static CommitAnswered applied(const StartCommit& commit, Revision revision) {
    return {commit.commit, {Applied{revision, Position{revision}}}};
  }

  template <class Kind>
  static std::vector<Kind> of(const Outputs& outputs) {
    std::vector<Kind> kinds;
    for (const Output& output : outputs) {
      if (const auto* kind = std::get_if<Kind>(&output)) kinds.push_back(*kind);
    }
    return kinds;
  }
  template <class Kind>
  static std::vector<Kind> notices(const Outputs& outputs) {
    std::vector<Kind> kinds;
    for (const Notified& notified : of<Notified>(outputs)) {
      if (const auto* kind = std::get_if<Kind>(&notified.notice)) kinds.push_back(*kind);
    }
    return kinds;
  }

  std::uint64_t now_ms = 1'000;
  Engine engine;
};

}  // namespace interlock
