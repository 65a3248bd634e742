// Production: PostgreSQL, any number of coordinators over one database.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/store.h"

namespace interlock {

struct PostgresOptions {
  // Promise nothing, and serve over a server that answers before a commit is durable.
  bool asynchronous_commit_ok = false;
  std::chrono::milliseconds connect_timeout{10'000};
  // Without an answer for so long a connection counts as broken, and a commit as Unknown.
  std::chrono::milliseconds answer_timeout{10'000};
};

// Three connections, each with a thread: one commits, in a pipeline, one reads and loads, one
// follows the feed. A batch is one call of one function under a lock that every writer takes first;
// what it answers is as durable as the server's settings make a commit. A deletion can be seen in
// the feed for ten minutes; who is further behind loads again.
//
// Limits: the server is the writer endpoint (its primary), version 13 or later.
class PostgresStore final : public Store {
 public:
  // Connects once, so that what is wrong is said now, and makes the tables when there are none.
  static absl::StatusOr<std::unique_ptr<PostgresStore>> open(const std::string& url,
                                                             const PostgresOptions& options = {});
  ~PostgresStore() override;
  PostgresStore(const PostgresStore&) = delete;
  PostgresStore& operator=(const PostgresStore&) = delete;

  StoreLimits limits() const override { return {}; }
  bool single_writer() const override { return false; }
  void load(LoadSink sink) override;
  void watch(Position from, FeedSink sink) override;
  void commit(Batch batch, std::function<void(std::vector<Outcome>)> done) override;
  void read(
      std::vector<ReadRequest> requests,
      std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)> done) override;

 private:
  class Parts;
  explicit PostgresStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace interlock
