// The coordinator without a network: the in-memory twin of grpc_coordinator_client.
#pragma once

#include <functional>
#include <memory>

#include "gateway/attachment_shell.h"
#include "gateway/memory_coordinator.h"

namespace interlock {

// A MemoryCoordinator with a thread of its own, to which any number of clients attach. It outlives
// them.
class MemoryCoordinatorServer {
 public:
  MemoryCoordinatorServer();
  ~MemoryCoordinatorServer();
  MemoryCoordinatorServer(const MemoryCoordinatorServer&) = delete;
  MemoryCoordinatorServer& operator=(const MemoryCoordinatorServer&) = delete;

  // Runs `what` on the coordinator's thread and returns when it is done; what it made the
  // coordinator say is on its way then. For scripts, publishing, looking at records.
  void run(const std::function<void(MemoryCoordinator&)>& what);
  // Ends every stream; while it is away, new ones end at once. The records stay.
  void set_away(bool away);
  void cut_streams();

  std::shared_ptr<AttachStream> open(AttachStream::Events events);

 private:
  class Host;
  class Stream;
  std::unique_ptr<Host> host_;
};

class MemoryCoordinatorClient final : public AttachmentShell {
 public:
  MemoryCoordinatorClient(const AttachmentSettings& settings, MemoryCoordinatorServer& server)
      : AttachmentShell(settings, [&server](AttachStream::Events events) {
          return server.open(std::move(events));
        }) {}
};

}  // namespace interlock
