// A webhook's HTTP server on bare sockets: it can answer what no proper library would.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace interlock {

struct WebhookRequest {
  std::string line;                           // "POST /hook HTTP/1.1"
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;
};

// Writes bytes to the peer; false: the peer, or the server, has gone.
using WebhookWrite = std::function<bool(std::string_view)>;
// Answers one request, on a thread of its connection; the connection ends behind it.
using WebhookHandler = std::function<void(const WebhookRequest&, const WebhookWrite&)>;

std::string http_response(int status, std::string_view fields = "", std::string_view body = "");

class WebhookServer {
 public:
  explicit WebhookServer(WebhookHandler handler);
  ~WebhookServer();  // ends every connection
  WebhookServer(const WebhookServer&) = delete;
  WebhookServer& operator=(const WebhookServer&) = delete;

  std::string url(std::string_view path = "/hook") const;
  std::vector<WebhookRequest> requests() const;
  bool stopping() const { return stopping_; }

 private:
  void accept();
  void serve(int socket);

  WebhookHandler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<WebhookRequest> requests_;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace interlock
