// Production: an etcd cluster, any number of coordinators over it, a new leader in a second or two.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/store/etcd/settings.h"
#include "coordinator/store/store.h"

namespace interlock {

// A batch is one Txn of nested Txns, or several where it is larger than etcd's limits; several are
// under way at once. Records are keys under a prefix, with etcd's revisions, attachments keys of
// their own; a feed position is a revision. History is compacted by the coordinators themselves,
// one at a time; who is further behind loads again.
//
// Limits: etcd 3.4 or later. All of etcd's history is compacted, so nothing else that needs it
// should use the same cluster (or keep_s=0 leaves the history to somebody else). Nothing new is to
// be taken from 80 % of the space quota on: see short_of_room(). When etcd raises its alarm, every
// commit fails. Where a cluster comes back older than it was, as from a backup, everything fails
// until the coordinators are started anew.
class EtcdStore final : public Store {
 public:
  // Asks the cluster, so that what is wrong is said now. `url`: see etcd/settings.h.
  static absl::StatusOr<std::unique_ptr<EtcdStore>> open(const std::string& url);
  static absl::StatusOr<std::unique_ptr<EtcdStore>> open(const etcd::Settings& settings);
  ~EtcdStore() override;
  EtcdStore(const EtcdStore&) = delete;
  EtcdStore& operator=(const EtcdStore&) = delete;

  StoreLimits limits() const override { return limits_; }
  bool single_writer() const override { return false; }
  std::optional<std::string> short_of_room() const override;
  void load(LoadSink sink) override;
  void watch(Position from, FeedSink sink) override;
  void commit(Batch batch, std::function<void(std::vector<Outcome>)> done) override;
  void read(
      std::vector<ReadRequest> requests,
      std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)> done) override;

 private:
  class Parts;
  explicit EtcdStore(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
  const StoreLimits limits_;
};

}  // namespace interlock
