// An issuer's public keys, from a file or a URL, kept up to date behind everybody's back.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "common/backoff.h"
#include "common/file_stamp.h"
#include "common/http_call.h"
#include "common/metrics.h"
#include "common/token.h"

namespace interlock {

struct JwksLimits {
  using Time = std::chrono::milliseconds;

  Time refresh{10 * 60'000};       // a URL is asked again after this, less up to a tenth
  Time retry_initial{1'000};       // after a failure, exponential with full jitter
  Time retry_max{60'000};
  Time unknown_key_gap{10'000};    // tokens that name unknown keys ask no sooner than this again
  Time stale_max{24 * 3'600'000};  // keys that could not be confirmed for so long count no more
  Time timeout{5'000};             // of one request
  Time file_poll{1'000};           // how often is looked whether a file has changed
};

// A thread of its own asks ahead of time, so that no caller ever waits. While the keys cannot be
// had the old ones are used, for stale_max; that shows in the log, in
// interlock_jwks_refreshes_total and in interlock_jwks_age_seconds.
class Jwks final : public KeySource {
 public:
  // `location`: a path, or a URL that check_web_url accepts. A file is read at once, and the status
  // is a sentence when it is no key set; a URL may be away, and until it answers there are no keys.
  // The Metrics must outlive it.
  static absl::StatusOr<std::shared_ptr<Jwks>> open(const std::string& location, Metrics& metrics,
                                                    const JwksLimits& limits = {});
  ~Jwks() override;
  Jwks(const Jwks&) = delete;
  Jwks& operator=(const Jwks&) = delete;

  std::shared_ptr<const KeySet> keys() const override;
  // True until an answer that was asked for because of an unknown key has come, and again once
  // unknown_key_gap is over.
  bool ask_for_unknown_key() override;
  // Sets the gauge of the keys' age; before metrics are shown.
  void show() const;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Asked { nothing, waiting, answered, failed };

  Jwks(std::string location, Metrics& metrics, const JwksLimits& limits);
  void run();
  absl::Status refresh();
  absl::StatusOr<std::string> fetch();
  absl::Status take(const absl::StatusOr<std::string>& text);
  void report(const absl::Status& status);
  Clock::duration pause_behind(const absl::Status& status);

  const std::string location_;
  const JwksLimits limits_;
  std::unique_ptr<HttpCall> call_;  // none: a file
  std::optional<FileStamp> stamp_;  // of the file that was read
  std::string text_;  // that the keys were read from
  Backoff backoff_;
  std::mt19937_64 random_;
  bool failing_ = false;  // as it was logged last
  prometheus::Counter& changed_;
  prometheus::Counter& unchanged_;
  prometheus::Counter& failed_;
  prometheus::Gauge& age_seconds_;

  mutable std::mutex mutex_;  // of what stands below
  std::shared_ptr<const KeySet> keys_;
  Clock::time_point confirmed_at_{};
  Clock::time_point asked_at_{};
  Asked asked_ = Asked::nothing;
  bool stopping_ = false;
  std::condition_variable news_;
  std::thread thread_;
};

}  // namespace interlock
