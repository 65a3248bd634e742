// The console's server: a few connections from this machine, the page's files, and its API.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/ctl/console/assets.h"
#include "coordinator/ctl/console/coordinators.h"

namespace interlock {

struct ConsoleOptions {
  int port = 0;  // on 127.0.0.1; 0: the system chooses one, see ConsoleServer::port()
  std::string token;
  std::span<const Asset> assets;
};

inline constexpr std::size_t console_connections_max = 64;  // further ones are closed at once
inline constexpr std::size_t console_sockets_max = 8;       // pages that watch at the same time

// On a thread of its own; calls to coordinators wait on a few others.
class ConsoleServer {
 public:
  // Listens before it returns. The status is a sentence. `coordinators` must outlive it.
  static absl::StatusOr<std::unique_ptr<ConsoleServer>> start(Coordinators& coordinators,
                                                              ConsoleOptions options);

  // Closes everything. Ask the coordinators' calls to stop before, or it waits for their answers.
  ~ConsoleServer();
  ConsoleServer(const ConsoleServer&) = delete;
  ConsoleServer& operator=(const ConsoleServer&) = delete;

  int port() const;

 private:
  struct Implementation;
  explicit ConsoleServer(std::unique_ptr<Implementation> implementation);

  std::unique_ptr<Implementation> implementation_;
};

}  // namespace interlock
