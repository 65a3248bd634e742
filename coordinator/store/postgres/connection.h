// One connection to PostgreSQL, driven by one thread that can be told to stop waiting.
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace interlock::postgres {

using Clock = std::chrono::steady_clock;

// Wakes a thread that waits for a socket. wake() from any thread.
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  void wake();
  void stop();  // wakes, and stays awake
  bool stopped() const { return stopped_; }
  // Until `until`, the socket is ready for `events` of poll(2), or somebody wakes it. `socket` may
  // be -1.
  void wait(int socket, short events, Clock::time_point until);

 private:
  int fd_;
  std::atomic<bool> stopped_ = false;
};

struct ServerFacts {
  int version = 0;  // 150018
  std::string synchronous_commit;
  bool fsync = false;
  bool full_page_writes = false;
  bool read_only = false;
  std::string synchronous_standby_names;
  std::uint64_t system_identifier = 0;
  std::uint64_t timeline = 0;
};

// What this process has seen of its server, over all connections, so that a dead past is known for
// what it is. From any thread.
class Lineage {
 public:
  // UNAVAILABLE: a lower timeline than has been seen, a primary that was replaced and came back.
  absl::Status check(const ServerFacts& facts);
  // A write at that position was answered to this process, or shown by the feed.
  void reached(std::uint64_t position);
  std::uint64_t position();
  // The server says that it is at `now`; `before` is what position() was when it was asked, since
  // others write meanwhile. DATA_LOSS, from then on: answered writes lie above it.
  absl::Status check_position(std::uint64_t now, std::uint64_t before);

 private:
  std::mutex mutex_;
  std::uint64_t system_identifier_ = 0;
  std::uint64_t timeline_ = 0;
  std::uint64_t position_ = 0;
  absl::Status lost_;
};

struct ConnectionSettings {
  std::string url;
  bool asynchronous_commit_ok = false;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds answer_timeout{10'000};  // then the connection counts as broken
};

// Lists of libpq's, of as many parts each; empty: those that the URL names.
struct Servers {
  std::string hosts;
  std::string ports;
};

class Result {
 public:
  explicit Result(PGresult* result) : result_(result, PQclear) {}
  int rows() const { return PQntuples(result_.get()); }
  bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) == 1; }
  std::string_view at(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  PGresult* get() const { return result_.get(); }

 private:
  std::unique_ptr<PGresult, decltype(&PQclear)> result_;
};

// Errors of its calls: what failure_of() says, or UNAVAILABLE when the connection is broken, which
// then stays so. ABORTED: it was told to stop.
class Connection {
 public:
  // Connects, refuses what nothing may be promised over, makes the schema, and writes once,
  // durably, so that what is read here is no dead past. A primary that was replaced and came back
  // is passed over, where the URL names others.
  static absl::StatusOr<std::unique_ptr<Connection>> open(const ConnectionSettings& settings,
                                                          Wakeup& wakeup, Lineage& lineage);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Several statements; the last one's rows, as text.
  absl::StatusOr<Result> run(const char* sql);
  // One statement with parameters; everything in binary.
  absl::StatusOr<Result> run(const char* sql, const std::vector<std::string>& parameters);

  bool broken() const { return broken_; }
  PGconn* get() const { return connection_; }
  ServerFacts facts() const { return facts_; }

 private:
  Connection(const ConnectionSettings& settings, Wakeup& wakeup);
  absl::Status connect(const Servers& servers);
  absl::Status prepare(Lineage& lineage);
  absl::Status read_facts();
  absl::Status make_schema();
  absl::StatusOr<Result> await();
  absl::Status broke(const std::string& why);

  const ConnectionSettings settings_;
  Wakeup& wakeup_;
  PGconn* connection_ = nullptr;
  ServerFacts facts_;
  bool broken_ = false;
  bool replaced_ = false;  // it is a primary that was replaced and came back
};

}  // namespace interlock::postgres
