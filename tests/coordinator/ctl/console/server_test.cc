// The console's server ends, whatever its pages are doing at that moment.
#include "coordinator/ctl/console/server.h"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "coordinator/ctl/console/watches.h"
#include "tests/coordinator/ctl/fake_admin.h"

namespace interlock {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr std::chrono::seconds end_max{20};

// A page that watches everything, as often as one may.
class Page {
 public:
  explicit Page(int port) : socket_(io_context_) {
    const std::string host = "127.0.0.1:" + std::to_string(port);
    socket_.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
    write("GET /api/live HTTP/1.1\r\nHost: " + host +
          "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          "Sec-WebSocket-Protocol: interlock.console, token.secret\r\n\r\n");
    std::string answer;
    asio::read_until(socket_, asio::dynamic_buffer(answer), "\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer;
    for (std::size_t i = 0; i < watches_max; ++i) {
      const std::string text = "{\"watch\":" + std::to_string(i) + "}";
      const std::string mask(4, '\0');
      write("\x81" + std::string(1, static_cast<char>(0x80 | text.size())) + mask + text);
    }
  }
  void leave() { socket_.close(); }

 private:
  void write(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }

  asio::io_context io_context_;
  tcp::socket socket_;
};

class ConsoleServers : public testing::Test {
 protected:
  void SetUp() override {
    ToolSettings settings;
    settings.coordinator.address = {"127.0.0.1", coordinator_.port()};
    settings.timeout = absl::Seconds(10);
    auto made = Coordinators::make(settings, stop_.get_token());
    ASSERT_TRUE(made.ok()) << made.status();
    coordinators_ = std::make_unique<Coordinators>(std::move(*made));
    auto started = ConsoleServer::start(*coordinators_, {.token = "secret", .assets = {}});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = std::move(*started);
  }

  // False: it does not end. The process must not wait for it then.
  bool end() {
    stop_.request_stop();
    const auto ended = std::make_shared<std::promise<void>>();
    std::thread([this, ended] {
      server_.reset();
      ended->set_value();
    }).detach();
    return ended->get_future().wait_for(end_max) == std::future_status::ready;
  }

  FakeAdmin coordinator_;
  std::stop_source stop_;
  std::unique_ptr<Coordinators> coordinators_;
  std::unique_ptr<ConsoleServer> server_;
};

TEST_F(ConsoleServers, ItEndsWhileAPageWatches) {
  const Page page(server_->port());
  ASSERT_TRUE(coordinator_.wait_for_watches(watches_max));
  ASSERT_TRUE(end()) << "it does not end";
}

// A worker may still be ending the page's watches then; nobody else may.
TEST_F(ConsoleServers, ItEndsRightAfterAPageHasLeft) {
  Page page(server_->port());
  ASSERT_TRUE(coordinator_.wait_for_watches(watches_max));
  page.leave();
  ASSERT_TRUE(end()) << "it does not end";
}

}  // namespace
}  // namespace interlock
