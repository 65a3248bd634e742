// The second port: is the program alive, is it ready, what are its numbers.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/host_port.h"

namespace interlock {

struct Readiness {
  bool ready = false;
  std::string reason;  // shown with 503
};

struct HttpServerOptions {
  HostPort listen;  // port 0: the system chooses one, see HttpServer::port()
  // Both are called on the server's own thread, one at a time, and must not block.
  std::function<Readiness()> readiness;
  std::function<std::string()> metrics;  // Prometheus text format, version 0.0.4

  std::size_t connections_max = 64;         // further ones are closed at once
  std::chrono::milliseconds deadline{5000};  // for a request to arrive, and for an answer to leave
};

inline constexpr std::size_t http_header_bytes_max = 8192;

// A small HTTP/1.1 server on a thread of its own, so that it answers however busy the program is.
// GET and HEAD of /health/live (200 as long as the thread runs), /health/ready (200 or 503) and
// /metrics; other methods there get 405, other paths 404. Connections are kept alive. Paths do not
// end in `z`, because Cloud Run's front end keeps some of those to itself.
class HttpServer {
 public:
  // Listens before it returns. The status is a sentence that names the address.
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(HttpServerOptions options);

  // Closes everything and joins the thread. Answers under way are cut off.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;

 private:
  struct Implementation;
  explicit HttpServer(std::unique_ptr<Implementation> implementation);

  std::unique_ptr<Implementation> implementation_;
};

}  // namespace interlock
