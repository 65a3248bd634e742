// Who this gateway is on Google Cloud: an ID token of the metadata server, always at hand.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "common/http_call.h"
#include "common/metrics.h"
#include "gateway/identity_refresh.h"

namespace interlock {

struct MetadataIdentitySettings {
  std::string url = "http://metadata.google.internal";  // without a path
  std::string audience;  // the coordinator's URL, without a port
  std::chrono::milliseconds timeout{5'000};  // of one request
  IdentityRefreshLimits refresh;
};

// A thread of its own asks ahead of the token's end, so that no call ever waits for one. While the
// server is away, or hands out what is no use, the old token is used until it ends. That shows in
// the log, in interlock_identity_refreshes_total and in interlock_identity_left_seconds.
class MetadataIdentity {
 public:
  // The Metrics must outlive it.
  MetadataIdentity(MetadataIdentitySettings settings, Metrics& metrics);
  ~MetadataIdentity();
  MetadataIdentity(const MetadataIdentity&) = delete;
  MetadataIdentity& operator=(const MetadataIdentity&) = delete;

  // UNAVAILABLE is a sentence that says why there is none. From any thread; never waits.
  absl::StatusOr<std::string> token() const;
  // The coordinator did not take the token: another one is asked for, though not all the time.
  void refused();
  // There was a token once, so that this gateway is set up as it must be.
  bool proven() const;
  // Sets the gauge; before metrics are shown.
  void show() const;

 private:
  void run();
  absl::StatusOr<std::string> fetch(std::int64_t& expires_at_ms);
  void take(absl::StatusOr<std::string> fetched, std::int64_t expires_at_ms);

  const MetadataIdentitySettings settings_;
  HttpCall call_;
  std::mt19937_64 random_;
  bool failing_ = false;  // as it was logged last
  prometheus::Counter& fetched_;
  prometheus::Counter& failed_;
  prometheus::Gauge& left_seconds_;

  mutable std::mutex mutex_;  // of what stands below
  IdentityRefresh refresh_;
  std::string token_;
  std::string why_none_ = "the metadata server has not answered yet";
  bool asked_ = false;  // refused() wants another one
  bool stopping_ = false;
  std::condition_variable news_;
  std::thread thread_;
};

}  // namespace interlock
