#include "coordinator/store/etcd/check.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/host_port.h"
#include "coordinator/store/etcd/client.h"
#include "coordinator/store/etcd/layout.h"
#include "coordinator/store/etcd/loop.h"
#include "coordinator/store/etcd/space.h"
#include "coordinator/store/etcd/touch.h"
#include "coordinator/store/etcd/versions.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace interlock::etcd {
namespace {

using etcdserverpb::AuthenticateRequest;
using etcdserverpb::AuthenticateResponse;
using etcdserverpb::MemberListRequest;
using etcdserverpb::MemberListResponse;
using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using etcdserverpb::StatusRequest;
using etcdserverpb::StatusResponse;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

constexpr int kWrites = 20;
constexpr double kSlowMs = 20;  // a claim waits for two of them

// Calls that the caller waits for.
class Cluster {
 public:
  Cluster(const Settings& settings, std::vector<Member> members)
      : client_(settings, std::move(members), loop_) {}
  ~Cluster() {
    loop_.post([this] {
      client_.stop();
      loop_.release();
    });
    loop_.join();
  }

  template <class Request, class Response>
  Reply<Request, Response> ask(Method<Request, Response> method, Request request,
                               std::optional<std::size_t> member = std::nullopt) {
    std::promise<Reply<Request, Response>> answered;
    loop_.post([&] {
      client_.call<Request, Response>(
          method, std::move(request),
          [&](Reply<Request, Response> reply) { answered.set_value(std::move(reply)); }, member);
    });
    return answered.get_future().get();
  }

 private:
  Loop loop_;
  Client client_;
};

class Check {
 public:
  Check(const Settings& settings, std::vector<Member> members)
      : settings_(settings), layout_(settings.prefix), cluster_(settings, std::move(members)) {}

  StoreCheck run() {
    look_at_members();
    if (!refused_) look_at_access();
    if (!refused_) look_at_membership();
    if (!refused_) look_at_space();
    if (!refused_) look_at_latency();
    if (refused_) check_.promises.clear();
    return std::move(check_);
  }

 private:
  void add(CheckLevel level, std::string subject, std::string found, std::string advice = "") {
    refused_ = refused_ || level == CheckLevel::kRefused;
    check_.findings.push_back({level, std::move(subject), std::move(found), std::move(advice)});
  }

  void look_at_members() {
    std::set<std::uint64_t> clusters, leaders;
    for (std::size_t i = 0; i < settings_.endpoints.size(); ++i) {
      auto reply = cluster_.ask<StatusRequest, StatusResponse>(status, {}, i);
      if (reply.failure) {
        const absl::Status& reason = reply.failure->reason;
        const std::string sentence(reason.message());
        if (absl::IsPermissionDenied(reason)) return add(CheckLevel::kRefused, "access", sentence);
        add(CheckLevel::kWarning, settings_.endpoints[i], sentence);
        continue;
      }
      clusters.insert(reply.response.header().cluster_id());
      if (reply.response.leader() != 0) leaders.insert(reply.response.leader());
      look_at_version(settings_.endpoints[i], reply.response.version());
      statuses_.push_back(std::move(reply.response));
    }
    if (statuses_.empty()) {
      add(CheckLevel::kRefused, "members", "none answers", "check addresses, ports and TLS");
    } else if (clusters.size() > 1) {
      add(CheckLevel::kRefused, "members", "they are of different clusters",
          "name the members of one cluster in --store");
    } else if (leaders.empty()) {
      add(CheckLevel::kRefused, "leader", "there is none", "a majority of the members must be up");
    }
  }

  void look_at_version(const std::string& endpoint, const std::string& version) {
    if (const absl::Status fit = check_version(version); !fit.ok()) {
      add(CheckLevel::kRefused, "version",
          fmt::format("{}: {}", endpoint, std::string(fit.message())));
      return;
    }
    const std::vector<std::string> bugs = version_bugs(version);
    add(bugs.empty() ? CheckLevel::kGood : CheckLevel::kWarning, "version",
        fmt::format("{}: etcd {}{}{}", endpoint, version, bugs.empty() ? "" : "; ",
                    fmt::join(bugs, "; ")),
        bugs.empty() ? "" : "run 3.5.30, 3.6.11 or later");
  }

  // Whether etcd lets this user read and write here, and others not.
  void look_at_access() {
    bool asks = true;
    if (!settings_.user.empty()) {
      AuthenticateRequest request;
      request.set_name(settings_.user);
      request.set_password(settings_.password);
      const auto reply =
          cluster_.ask<AuthenticateRequest, AuthenticateResponse>(authenticate, std::move(request));
      asks = !reply.failure ||
             reply.failure->reason.message().find("is not enabled") == std::string::npos;
      if (asks && reply.failure) {
        add(CheckLevel::kRefused, "access", std::string(reply.failure->reason.message()));
        return;
      }
    }
    const KeyRange all = layout_.records();
    RangeRequest request;
    request.set_key(all.begin);
    request.set_range_end(all.end);
    request.set_limit(1);
    const auto reply = cluster_.ask<RangeRequest, RangeResponse>(range, std::move(request));
    if (reply.failure) {
      add(CheckLevel::kRefused, "access", std::string(reply.failure->reason.message()));
      return;
    }
    asks = asks && !settings_.user.empty();
    add(asks ? CheckLevel::kGood : CheckLevel::kWarning, "access",
        asks ? fmt::format("user {} may read here", settings_.user) : "etcd asks for no password",
        asks ? "" : "let nobody else reach it, or turn its authentication on");
    look_at_encryption();
  }

  void look_at_encryption() {
    const bool local = std::all_of(settings_.endpoints.begin(), settings_.endpoints.end(),
                                   [](const std::string& endpoint) {
                                     const auto address = parse_host_port(endpoint);
                                     return address.ok() && is_loopback(address->host);
                                   });
    const bool good = settings_.tls || local;
    add(good ? CheckLevel::kGood : CheckLevel::kWarning, "encryption",
        settings_.tls ? "TLS" : fmt::format("none{}", local ? ", on this machine only" : ""),
        good ? "" : "say tls=on in --store, or keep the network to yourself");
  }

  void look_at_membership() {
    const auto reply = cluster_.ask<MemberListRequest, MemberListResponse>(member_list, {});
    if (reply.failure) {
      add(CheckLevel::kWarning, "members", std::string(reply.failure->reason.message()));
      return;
    }
    const auto voting = static_cast<std::size_t>(
        std::count_if(reply.response.members().begin(), reply.response.members().end(),
                      [](const auto& member) { return !member.islearner(); }));
    const std::size_t spare = voting == 0 ? 0 : (voting - 1) / 2;
    const bool all_named = settings_.endpoints.size() >= voting;
    add(spare > 0 && all_named ? CheckLevel::kGood : CheckLevel::kWarning, "members",
        fmt::format("{} vote, {} of them may be lost; {} named in --store, {} answer", voting,
                    spare, settings_.endpoints.size(), statuses_.size()),
        spare == 0   ? "run three of them, or five, on different machines"
        : !all_named ? "name all of them in --store"
                     : "");
    check_.promises.emplace_back("Any number of coordinators may run over it at once.");
    check_.promises.push_back(
        spare > 0 ? fmt::format("What was acknowledged survives the loss of {} of its {} members.",
                                spare, voting)
                  : "What was acknowledged survives crashes of its one member, not its disk.");
    if (spare > 0) {
      check_.promises.emplace_back(
          "Another member leads after some twice its --election-timeout, 1 s by default.");
    }
  }

  void look_at_space() {
    std::uint64_t used = 0, size = 0, quota = settings_.quota_bytes;
    bool said = false;
    for (const StatusResponse& member : statuses_) {
      used = std::max(used, static_cast<std::uint64_t>(member.dbsizeinuse()));
      size = std::max(size, static_cast<std::uint64_t>(member.dbsize()));
      said = said || member.dbsizequota() != 0;
      if (member.dbsizequota() != 0) quota = static_cast<std::uint64_t>(member.dbsizequota());
    }
    constexpr std::uint64_t kMiB = 1024 * 1024;
    const std::string found = fmt::format(
        "{} MiB are used in a file of {} MiB, of {} MiB that etcd {}", used / kMiB, size / kMiB,
        quota / kMiB, said ? "allows" : "is believed to allow (quota_bytes in --store)");
    const Space space = space_of(statuses_, settings_, false);
    if (!space.full.ok()) {
      add(CheckLevel::kRefused, "space", std::string(space.full.message()));
    } else if (space.low) {
      add(CheckLevel::kWarning, "space", found, "raise --quota-backend-bytes");
    } else if (size * 100 >= quota * settings_.room_low_percent) {
      add(CheckLevel::kWarning, "space", found, "defragment its members, one after the other");
    } else {
      add(CheckLevel::kGood, "space", found);
    }
  }

  void look_at_latency() {
    std::vector<double> took_ms;
    for (int i = 0; i < kWrites; ++i) {
      const auto began = std::chrono::steady_clock::now();
      const auto reply =
          cluster_.ask<TxnRequest, TxnResponse>(txn, nested_put(layout_.touched(), ""));
      if (reply.failure) {
        add(CheckLevel::kRefused, "latency", std::string(reply.failure->reason.message()));
        return;
      }
      took_ms.push_back(
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began)
              .count());
    }
    std::sort(took_ms.begin(), took_ms.end());
    const double median = took_ms[took_ms.size() / 2];
    const bool slow = median > kSlowMs;
    add(slow ? CheckLevel::kWarning : CheckLevel::kGood, "latency",
        fmt::format("a durable write takes {:.2f} ms (median of {}), {:.2f} ms at most", median,
                    took_ms.size(), took_ms.back()),
        slow ? "bring it nearer, or give it a faster disk: every claim waits for it" : "");
  }

  const Settings& settings_;
  const Layout layout_;
  Cluster cluster_;
  StoreCheck check_;
  bool refused_ = false;
  std::vector<StatusResponse> statuses_;  // of those that answered
};

StoreCheck refused(const absl::Status& status) {
  return {.findings = {{CheckLevel::kRefused, "opening", std::string(status.message()), ""}},
          .promises = {}};
}

}  // namespace

StoreCheck check_etcd(const std::string& url) {
  const absl::StatusOr<Settings> settings = parse_url(url);
  if (!settings.ok()) return refused(settings.status());
  absl::StatusOr<std::vector<Member>> members = make_members(*settings);
  if (!members.ok()) return refused(members.status());
  return Check(*settings, *std::move(members)).run();
}

}  // namespace interlock::etcd
