// The connection that reads attachments and loads records.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "coordinator/store/postgres/connection.h"
#include "coordinator/store/store.h"

namespace interlock::postgres {

using ReadDone = std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)>;

// One thread; one thing after the other.
class Reader {
 public:
  Reader(const ConnectionSettings& settings, Lineage& lineage);
  // What waits is not answered any more.
  ~Reader();

  void read(std::vector<ReadRequest> requests, ReadDone done);
  void load(LoadSink sink);

 private:
  struct Read {
    std::vector<ReadRequest> requests;
    ReadDone done;
  };

  void run();
  absl::Status connect();
  void carry_out(Read& read);
  void carry_out(LoadSink& sink);
  absl::StatusOr<std::vector<std::vector<Attachment>>> attachments(const Read& read);
  absl::StatusOr<Position> records(const LoadSink& sink, bool& shown);
  template <class Answer, class Ask>
  absl::StatusOr<Answer> twice(Ask ask);

  const ConnectionSettings settings_;
  Lineage& lineage_;
  Wakeup wakeup_;
  std::unique_ptr<Connection> connection_;

  std::mutex mutex_;
  std::deque<std::variant<Read, LoadSink>> waiting_;
  std::thread thread_;
};

}  // namespace interlock::postgres
