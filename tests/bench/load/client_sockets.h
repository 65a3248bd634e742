// Many WebSocket clients on one thread, which count and time what they are sent.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace interlock::bench {

std::int64_t now_us();  // CLOCK_MONOTONIC, the same for every process of the machine

// `text`: of a frame, valid during the call. `at_us`: when it was read.
using OnFrame = std::function<void(std::size_t client, std::string_view text, std::int64_t at_us)>;

// Blocking to open, then driven by poll(). A socket that is closed, or a close frame, is counted.
class ClientSockets {
 public:
  explicit ClientSockets(OnFrame on_frame) : on_frame_(std::move(on_frame)) {}
  ~ClientSockets();
  ClientSockets(const ClientSockets&) = delete;
  ClientSockets& operator=(const ClientSockets&) = delete;

  // One more client, at /ws?query on 127.0.0.1; its number. Ends the process when it is refused.
  std::size_t open(int port, const std::string& query) { return open_at(port, "/ws?" + query); }
  // The same at any other path of any other server.
  std::size_t open_at(int port, const std::string& target);
  void send_text(std::size_t client, std::string_view text);
  void close_all();

  // Waits at most so long for something to read, and reads what is there.
  void poll(int wait_ms) { poll_us(std::int64_t{1000} * wait_ms); }
  // In microseconds: one that asks again and again until something is due takes a processor from
  // what it measures.
  void poll_us(std::int64_t wait_us);

  std::uint64_t ended() const { return ended_; }
  std::size_t size() const { return clients_.size(); }

 private:
  struct Client {
    int socket = -1;
    std::string buffer;
  };
  void read(std::size_t number);
  void take_frames(std::size_t number, std::int64_t at_us);

  OnFrame on_frame_;
  std::vector<Client> clients_;
  int epoll_ = -1;
  std::uint64_t ended_ = 0;
};

}  // namespace interlock::bench
