// One page in a browser, which follows the client's protocol: it listens to its newest socket only,
// drops what it has seen, forgets what it has seen when it is told that nothing goes on, and asks
// with attempts. Pages can be reloaded, copied and left.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/gateway.h"

namespace interlock::sim {

class Page {
 public:
  Page(World& world, std::string key, std::string name);

  // ---- what its user does ----
  void begin();       // wants to be connected from now on
  void act();         // something, at random
  void drop(bool noticed);
  void reload(bool keeps_state);
  void leave();       // closes with 1000
  void use_old_attempt();
  void reconnect();   // a new socket, while the old one may still stand
  void copy_from(const Page& other);
  void settle();      // everything is well from now on: be connected, or be done

  // ---- from its sockets ----
  void refused(const SocketPtr& socket, std::uint16_t code, std::uint64_t after_ms,
               std::uint64_t current_generation);
  void frame(const SocketPtr& socket, const std::string& text);
  void ping(const SocketPtr& socket);
  void closed(const SocketPtr& socket, std::uint16_t code);

  const std::string& key() const { return key_; }
  bool wants() const { return wants_; }    // to be connected; not told to stop
  bool ready() const { return ready_; }
  std::uint64_t generation() const { return generation_; }
  std::uint64_t last() const { return last_.value_or(0); }
  bool connected() const { return socket_ != nullptr; }
  const std::string& name() const { return name_; }

 private:
  void connect();
  void connect_after(Us delay);
  void abandon_socket(std::uint16_t code, bool noticed);
  void end_old_sockets();  // as a page does that goes, or stops
  void tell_end(const SocketPtr& socket, std::uint16_t code);
  void say(const SocketPtr& socket, std::string text);
  void take_hello(const std::string& text);
  void take_event(const std::string& text);
  void acknowledge();
  void send_message();

  World& world_;
  const std::string key_;
  const std::string name_;
  bool wants_ = false;
  SocketPtr socket_;            // the newest one
  std::vector<SocketPtr> old_sockets_;  // to which it does not listen any more
  bool hello_ = false;          // it has come on this socket
  bool ready_ = false;
  std::uint64_t generation_ = 0;      // of the last hello; 0: none
  std::uint64_t socket_generation_ = 0;
  std::uint64_t since_ = 0;           // the life that the last hello told of
  std::uint64_t tries_ = 0;
  bool asks_with_attempt_ = true;
  std::optional<std::uint64_t> last_;        // the last event seen
  std::uint64_t last_generation_ = 0;        // of the hello under which `last_` is counted
  std::pair<std::uint64_t, std::uint64_t> old_attempt_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t connects_ = 0;        // tells apart what was meant for an earlier try
};

}  // namespace interlock::sim
