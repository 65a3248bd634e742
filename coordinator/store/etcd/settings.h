// What a URL `etcd://...` says about a cluster. Pure.
//
//   etcd://[user:password@]host[:port][,host[:port]...][/prefix][?option=value[&option=value...]]
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace interlock::etcd {

struct Settings {
  std::vector<std::string> endpoints;  // host:port, at least one
  std::string user;                    // empty: no password is sent
  std::string password;
  std::string prefix = "interlock/";   // of every key that is read or written; ends with a slash

  bool tls = false;        // also set by any of the files
  std::string ca_file;     // PEM; empty: the system's certificate authorities
  std::string cert_file;   // PEM, of this client; goes with key_file
  std::string key_file;

  // Without an answer for so long a Txn is Unknown, a read fails, and the next member is asked.
  std::chrono::milliseconds timeout{2'000};
  // What the servers are started with: --max-txn-ops and --max-request-bytes.
  std::size_t max_txn_ops = 128;
  std::size_t max_request_bytes = 1'572'864;
  std::size_t txns_under_way_max = 8;

  // --quota-backend-bytes of the servers: those before 3.6 do not say it. From room_low_percent of
  // it on, room() is low.
  std::uint64_t quota_bytes = 2'147'483'648;
  std::uint64_t room_low_percent = 80;
  std::chrono::milliseconds room_every{5'000};

  // How much history is kept, at least; 0: somebody else compacts. With low room it is keep_low.
  std::chrono::milliseconds keep{180'000};
  std::chrono::milliseconds keep_low{30'000};
};

// INVALID_ARGUMENT is a sentence that does not show the password.
absl::StatusOr<Settings> parse_url(std::string_view url);

}  // namespace interlock::etcd
