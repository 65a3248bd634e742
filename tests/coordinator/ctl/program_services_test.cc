// interlockctl explain, gateways, stats: what is shown of how things stand.
#include <algorithm>

#include "program_case.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CtlServices : public ProgramCase {};

v1::GatewayInfo gateway(const std::string& id, std::uint64_t connections) {
  v1::GatewayInfo info;
  info.set_gateway_id(id);
  info.set_address("10.0.0.1:8080");
  info.set_connections(connections);
  info.set_attached(true);
  info.set_lease_age_ms(2'000);
  info.set_first_seen_unix_ms(1'700'000'000'123);
  return info;
}

v1::GatewayInfo loaded(const std::string& id) {
  v1::GatewayInfo info = gateway(id, 17);
  v1::GatewayLoad& load = *info.mutable_load();
  load.set_sockets(19);
  load.set_sessions(18);
  load.set_holding(true);
  load.set_breaker(v1::GatewayLoad::HALF_OPEN);
  auto& closes = *load.add_closes();
  closes.set_code(1011);
  closes.set_origin("gateway");
  closes.set_count(3);
  auto& others = *load.add_closes();
  others.set_code(1000);
  others.set_count(500);
  load.mutable_handshake()->add_bounds_seconds(0.01);
  load.mutable_handshake()->add_buckets(10);
  load.mutable_handshake()->add_buckets(0);
  return info;
}

v1::StatsResponse stats() {
  v1::StatsResponse stats;
  (*stats.mutable_connections_by_state())["PROCESSING_READY"] = 40;
  (*stats.mutable_connections_by_state())["RECONNECTING"] = 2;
  stats.set_records(50);
  stats.set_gateways(2);
  stats.set_attached_gateways(1);
  stats.set_version("9.8.7");
  stats.set_coordinator_id("c0ffee00c0ffee00");
  stats.set_store("postgres");
  stats.set_outbox_events(7);
  stats.set_outbox_bytes(3 * 1024 * 1024);
  stats.set_transitions(1'000);
  stats.set_takeovers(4);
  (*stats.mutable_refusals())["NOT_NOW"] = 1;
  (*stats.mutable_refusals())["STALE"] = 5;
  stats.set_runs_complete(10);
  stats.set_runs_incomplete(1);
  (*stats.mutable_run_events())["agent_started"] = 10;
  stats.add_flapping_keys("alice:tab-1");
  stats.set_feed_lag_ms(12);
  return stats;
}

// With one blank where there are several: how wide a column is does not matter.
std::vector<std::string> squeezed_lines(const std::string& text) {
  std::vector<std::string> lines = lines_in(text);
  for (std::string& line : lines) {
    const auto both_blank = [](char left, char right) { return left == ' ' && right == ' '; };
    line.erase(std::unique(line.begin(), line.end(), both_blank), line.end());
  }
  return lines;
}

TEST_F(CtlServices, GatewaysShowWhatTheySayOfThemselves) {
  auto& look = admin_.gateway_looks.emplace_back();
  *look.add_gateways() = loaded("0123456789abcdef0123456789abcdef");
  *look.add_gateways() = gateway("fedcba9876543210fedcba9876543210", 3);
  const Finished got = run({"gateways"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  const auto lines = lines_in(got.out);
  ASSERT_EQ(lines.size(), 3u) << got.out;
  EXPECT_THAT(lines[0], testing::MatchesRegex("GATEWAY +ADDRESS +STATE +CONNECTIONS +LEASE AGE "
                                              "+SOCKETS +SESSIONS +BREAKER +1011 +HANDSHAKE.*"));
  EXPECT_THAT(lines[1],
              testing::MatchesRegex("0123456789abcdef0123456789abcdef +10.0.0.1:8080 +attached, "
                                    "holding +17 +2s +19 +18 +half open +3 +p50 5.0ms, p99 9.9ms "
                                    "+2023-11-14 22:13:20.123"));
  EXPECT_THAT(lines[2], testing::MatchesRegex("fedcba9876543210fedcba9876543210 +10.0.0.1:8080 "
                                              "+attached +3 +2s +- +- +- +- +- +2023.*"));
}

TEST_F(CtlServices, GatewaysInJsonAreWhatTheCoordinatorSent) {
  auto& look = admin_.gateway_looks.emplace_back();
  *look.add_gateways() = loaded("0123456789abcdef0123456789abcdef");
  *look.add_gateways() = gateway("fedcba9876543210fedcba9876543210", 3);
  const Finished got = run({"--json", "gateways"});
  expect_json<v1::GatewayInfo>(got.out, {look.gateways().begin(), look.gateways().end()});
  EXPECT_THAT(got.out, HasSubstr("\"lease_age_ms\":\"2000\""));
}

TEST_F(CtlServices, NoGatewaysAreNoFailure) {
  const Finished got = run({"gateways"});
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_THAT(got.out, IsEmpty());
  EXPECT_EQ(got.err, "There are no gateways.\n");
}

TEST_F(CtlServices, StatsShowAllThatTheCoordinatorCounts) {
  admin_.stats_looks.push_back(stats());
  const Finished got = run({"stats"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  const std::vector<std::string> lines = squeezed_lines(got.out);
  for (const char* line :
       {"connections 42", " PROCESSING_READY 40", " RECONNECTING 2", "outbox 7 events, 3.0 MiB",
        "gateways 2, 1 attached here", "store postgres, there", "feed lag 12ms", "transitions 1000",
        "takeovers 4", "refusals STALE 5, NOT_NOW 1", "agent runs 10 complete, 1 incomplete",
        " with agent_started 10 of 10", "flapping alice:tab-1", "coordinator c0ffee00c0ffee00",
        "version 9.8.7", "commit -"}) {
    EXPECT_THAT(lines, testing::Contains(line));
  }
}

TEST_F(CtlServices, AStoreThatIsAwayOrShortOfRoomIsSaid) {
  v1::StatsResponse away = stats();
  away.set_store_away(true);
  v1::StatsResponse full = stats();
  full.set_store_short_of_room("etcd is nearly full");
  admin_.stats_looks = {away, full};
  EXPECT_THAT(run({"stats"}).out, HasSubstr("postgres, away"));
  const Finished got = run({"stats"});
  EXPECT_THAT(got.out, HasSubstr("postgres, short of room"));
  EXPECT_THAT(got.err, HasSubstr("etcd is nearly full"));
}

TEST_F(CtlServices, StatsInJsonAreWhatTheCoordinatorSent) {
  admin_.stats_looks.push_back(stats());
  const Finished got = run({"stats", "--json"});
  EXPECT_THAT(got.out, HasSubstr("\"run_events\":{\"agent_started\":\"10\"}"));
  EXPECT_EQ(read_json<v1::StatsResponse>(got.out).takeovers(), 4u);
}

TEST_F(CtlServices, AnExplanationIsWordsAndItsFindingsHaveNames) {
  know("alice:tab-1");
  v1::Finding& finding = admin_.findings.emplace_back();
  finding.set_why(v1::WAITING_FOR_CLIENT);
  finding.set_text("It waits for its client, for 12s.");
  const Finished got = run({"explain", "alice:tab-1"});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_THAT(got.out, HasSubstr("waiting for client  It waits for its client, for 12s.\n"));
  const Finished json = run({"--json", "explain", "alice:tab-1"});
  EXPECT_THAT(json.out, HasSubstr("\"why\":\"WAITING_FOR_CLIENT\""));
  EXPECT_EQ(read_json<v1::ExplainResponse>(json.out).connection().key(), "alice:tab-1");
}

TEST_F(CtlServices, AnExplanationOfAnUnknownKeyIsExitCode3) {
  v1::Finding& finding = admin_.findings.emplace_back();
  finding.set_why(v1::UNKNOWN_KEY);
  finding.set_text("There is no record of this key.");
  const Finished got = run({"explain", "nobody:x"});
  EXPECT_EQ(got.exit_code, 3);
  EXPECT_THAT(got.out, HasSubstr("There is no record of this key."));
}

TEST_F(CtlServices, AListSaysWhoseClientAcknowledgesNothing) {
  know("alice:tab-1");
  know("bob:tab-1");
  admin_.connections.front().set_unacknowledged_ms(130'000);
  const auto lines = lines_in(run({"list"}).out);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], HasSubstr("UNACKED FOR"));
  EXPECT_THAT(lines[1], HasSubstr("2m10s"));
  EXPECT_THAT(run({"get", "alice:tab-1"}).out, HasSubstr("unacknowledged  2m10s\n"));
  EXPECT_THAT(run({"get", "bob:tab-1"}).out, Not(HasSubstr("unacknowledged")));
}

}  // namespace
}  // namespace interlock
