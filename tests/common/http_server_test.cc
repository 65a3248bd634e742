#include "common/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <utility>

#include "tests/support/free_port.h"

namespace interlock {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// A client that is nothing but a socket.
class Client {
 public:
  explicit Client(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{10, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  // Whether the last reading met the server's end of the stream, not a reset or its own patience.
  bool ended_in_order() const { return ended_in_order_; }

  void send_text(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  // What comes until `end` has come, or until the server closes.
  std::string read_until(std::string_view end) {
    std::string out;
    char buffer[4096];
    while (out.find(end) == std::string::npos) {
      const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
      if (got == 0) ended_in_order_ = true;
      if (got <= 0) break;
      out.append(buffer, static_cast<std::size_t>(got));
    }
    return out;
  }
  std::string read_all() { return read_until("\x01 never sent"); }

 private:
  int socket_;
  bool connected_ = false;
  bool ended_in_order_ = false;
};

class HttpServerTest : public testing::Test {
 protected:
  void start(milliseconds deadline = milliseconds(5000), std::size_t connections_max = 64) {
    HttpServerOptions options;
    options.listen = {"127.0.0.1", port_};
    options.readiness = [this] { return Readiness{ready_, "the store is away"}; };
    options.metrics = [] { return std::string("interlock_up 1\n"); };
    options.deadline = deadline;
    options.connections_max = connections_max;
    auto started = HttpServer::start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }

  std::string ask(const std::string& method, const std::string& target) const {
    Client client(port_);
    client.send_text(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.read_all();
  }

  const int port_ = free_port();
  std::atomic<bool> ready_ = true;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AProgramThatRunsIsAlive) {
  start();
  EXPECT_EQ(server_->port(), port_);
  EXPECT_THAT(ask("GET", "/health/live"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(ask("GET", "/health/live?from=probe"), EndsWith("\r\n\r\nlive\n"));
}

TEST_F(HttpServerTest, ReadinessIsAskedForEachTime) {
  start();
  EXPECT_THAT(ask("GET", "/health/ready"), StartsWith("HTTP/1.1 200 OK\r\n"));
  ready_ = false;
  const std::string answer = ask("GET", "/health/ready");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nthe store is away\n"));
}

TEST_F(HttpServerTest, MetricsAreThePrometheusTextFormat) {
  start();
  const std::string answer = ask("GET", "/metrics");
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\ninterlock_up 1\n"));
}

TEST_F(HttpServerTest, HeadIsAGetWithoutItsBody) {
  start();
  const std::string answer = ask("HEAD", "/health/live");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, OtherPathsAreNotThere) {
  start();
  for (const std::string target : {"/", "/healthz", "/health/live/", "/metrics/x", "*"}) {
    EXPECT_THAT(ask("GET", target), StartsWith("HTTP/1.1 404 ")) << target;
  }
}

TEST_F(HttpServerTest, OtherMethodsAreNotAllowed) {
  start();
  const std::string answer = ask("DELETE", "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(HttpServerTest, ABodyIsNeverReadAndEndsTheConnection) {
  start();
  Client client(port_);
  client.send_text("POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  client.send_text(std::string(30000, 'x'));
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client.ended_in_order());  // a reset may destroy the answer on its way
}

TEST_F(HttpServerTest, AConnectionServesManyRequests) {
  start();
  Client client(port_);
  for (int i = 0; i < 3; ++i) {
    client.send_text("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.read_until("live\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  client.send_text("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.0\r\n\r\n");
  const std::string both = client.read_all();
  EXPECT_THAT(both, HasSubstr("live\n"));
  EXPECT_THAT(both, EndsWith("interlock_up 1\n"));
}

TEST_F(HttpServerTest, AHeaderHasALimit) {
  start();
  Client client(port_);
  client.send_text("GET /health/live HTTP/1.1\r\nX-Long: " + std::string(20000, 'x') + "\r\n\r\n");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, WhatIsNotHttpIsRefused) {
  start();
  Client client(port_);
  client.send_text("\x16\x03\x01 this is a TLS hello, or something\r\n\r\n");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, AClientThatNeverFinishesItsRequestIsCutOff) {
  start(milliseconds(100));
  Client client(port_);
  client.send_text("GET /health/live HTTP/1.1\r\n");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(client.ended_in_order());
  EXPECT_THAT(ask("GET", "/health/live"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, ConnectionsBeyondTheLimitAreClosedAtOnceAndLaterOnesServed) {
  start(milliseconds(5000), 2);
  auto first = std::make_unique<Client>(port_);
  Client second(port_);
  for (Client* client : {first.get(), &second}) {
    client->send_text("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client->read_until("live\n"), HasSubstr("200 OK"));
  }
  EXPECT_EQ(ask("GET", "/health/live"), "");
  first.reset();
  std::string answer;
  for (int i = 0; i < 100 && answer.empty(); ++i) answer = ask("GET", "/health/live");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, StoppingCutsOffWhoIsConnectedAndFreesThePort) {
  start();
  Client client(port_);
  client.send_text("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /health");
  client.read_until("live\n");
  server_.reset();
  EXPECT_EQ(client.read_all(), "");
  EXPECT_FALSE(Client(port_).connected());
  start();
  EXPECT_THAT(ask("GET", "/health/live"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, APortThatIsTakenIsASentence) {
  start();
  const auto second =
      HttpServer::start({.listen = {"127.0.0.1", port_}, .readiness = {}, .metrics = {}});
  EXPECT_EQ(std::string(second.status().message()),
            "Cannot listen on 127.0.0.1:" + std::to_string(port_) + ": Address already in use.");
}

TEST_F(HttpServerTest, AnAddressThatIsNotOursIsASentence) {
  const auto server =
      HttpServer::start({.listen = {"192.0.2.1", 8080}, .readiness = {}, .metrics = {}});
  EXPECT_THAT(std::string(server.status().message()),
              StartsWith("Cannot listen on 192.0.2.1:8080: "));
}

TEST(HttpServerPort, ZeroLetsTheSystemChoose) {
  const auto server =
      HttpServer::start({.listen = {"127.0.0.1", 0}, .readiness = {}, .metrics = {}});
  ASSERT_TRUE(server.ok());
  EXPECT_GT((*server)->port(), 0);
  Client client((*server)->port());
  EXPECT_TRUE(client.connected());
}

}  // namespace
}  // namespace interlock
