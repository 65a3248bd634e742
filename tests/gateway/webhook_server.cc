#include "tests/gateway/webhook_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <optional>
#include <utility>

#include "tests/support/free_port.h"

namespace interlock {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool read_more(int socket, std::string& bytes) {
  char part[4096];
  const ssize_t count = recv(socket, part, sizeof part, 0);
  if (count <= 0) return false;
  bytes.append(part, static_cast<std::size_t>(count));
  return true;
}

std::optional<WebhookRequest> read_request(int socket) {
  std::string bytes;
  while (bytes.find("\r\n\r\n") == std::string::npos) {
    if (!read_more(socket, bytes)) return std::nullopt;
  }
  WebhookRequest request;
  std::size_t at = bytes.find("\r\n");
  request.line = bytes.substr(0, at);
  for (at += 2; bytes.substr(at, 2) != "\r\n";) {
    const std::size_t end = bytes.find("\r\n", at);
    const std::size_t colon = bytes.find(": ", at);
    request.fields[lower(bytes.substr(at, colon - at))] = bytes.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  const auto said = request.fields.find("content-length");  // a GET has none
  const std::size_t length = said == request.fields.end() ? 0 : std::stoul(said->second);
  while (bytes.size() < at + 2 + length) {
    if (!read_more(socket, bytes)) return std::nullopt;
  }
  request.body = bytes.substr(at + 2, length);
  return request;
}

}  // namespace

std::string http_response(int status, std::string_view fields, std::string_view body) {
  return fmt::format("HTTP/1.1 {} Status\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                     status, fields, body.size(), body);
}

WebhookServer::WebhookServer(WebhookHandler handler)
    : handler_(std::move(handler)), port_(free_port()) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 256) != 0) {
    std::abort();
  }
  acceptor_ = std::thread([this] { accept(); });
}

WebhookServer::~WebhookServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  for (const int socket : sockets_) close(socket);
}

std::string WebhookServer::url(std::string_view path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

std::vector<WebhookRequest> WebhookServer::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

void WebhookServer::accept() {
  while (!stopping_) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const std::lock_guard<std::mutex> lock(mutex_);
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void WebhookServer::serve(int socket) {
  const auto request = read_request(socket);
  if (request) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      requests_.push_back(*request);
    }
    handler_(*request, [this, socket](std::string_view bytes) {
      return !stopping_ && send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                               static_cast<ssize_t>(bytes.size());
    });
  }
  shutdown(socket, SHUT_RDWR);
}

}  // namespace interlock
