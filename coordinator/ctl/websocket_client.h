// A client's socket to a gateway.
//
// A thin wall around Beast, which is included in websocket_client.cc and nowhere else in the tool.
// Everything waits on the caller's thread, and no longer than it says.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "coordinator/ctl/socket_news.h"
#include "coordinator/ctl/websocket_url.h"

namespace interlock {

class WebSocketClient {
 public:
  WebSocketClient();
  ~WebSocketClient();
  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;

  // Leaves the socket before it, if there is one, as cut() does. `query` follows the question mark;
  // `token` goes into the Authorization header, empty: none. Certificates are checked against the
  // system's authorities.
  SocketOpening open(const WebSocketUrl& url, const std::string& query, const std::string& token,
                     std::chrono::milliseconds timeout);

  // The next frame, the end, or silence for so long.
  SocketNews read(std::chrono::milliseconds timeout);

  // False: it did not go out in time. The next read says why.
  bool send(const std::string& text, std::chrono::milliseconds timeout);

  // As a network does: without a close frame.
  void cut();

  // Says 1000 and waits for the answer; frames that come meanwhile are lost.
  SocketEnd close(std::chrono::milliseconds timeout);

  class Socket;

 private:
  std::unique_ptr<Socket> socket_;
};

}  // namespace interlock
