// The TCP socket under a WebSocket: what is written within one turn of the event loop leaves in one
// send. Perhaps with TLS in between.
#pragma once

#include <array>
#include <boost/asio/append.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "gateway/event_loops.h"
#include "gateway/tls_layer.h"

namespace interlock {

// What the wire tells its owner after each attempt to send.
class WireObserver {
 public:
  virtual void on_send(bool progress, bool drained) = 0;

 protected:
  ~WireObserver() = default;
};

// Whatever is written is taken over at once and whole, so frames never interleave and a pong never
// waits behind a peer that does not read; the queue is bounded instead. One thread.
class Wire {
 public:
  using executor_type = LoopExecutor;
  using Error = boost::system::error_code;
  using Done = void(Error, std::size_t);

  // `tls`: none for a plain one.
  Wire(TcpSocket socket, std::size_t queue_bytes_max, std::shared_ptr<TlsContext> tls = nullptr);

  executor_type get_executor() { return socket_.get_executor(); }
  TcpSocket& socket() { return socket_; }

  // The owner, kept alive by what is under way here. Set before anything is written.
  void set_owner(std::weak_ptr<void> owner, WireObserver* observer);
  bool encrypted() const { return tls_ != nullptr; }
  // Only where it is encrypted, and before anything else.
  template <typename Token>
  auto async_handshake(Token&& token) {
    return boost::asio::async_initiate<Token, void(Error)>(Greeting(), token, this);
  }

  // The whole of an HTTP answer. It is what the gateway holds itself, so no bound applies.
  void put(std::string answer);
  // Appends a whole frame; false: the queue is full, nothing was appended.
  bool append(std::string_view head, std::string_view payload);
  // The same for a frame that answers one of the peer's or ends everything: some room is kept.
  bool append_control(std::string_view head, std::string_view payload);
  // Stops sending once everything queued has been sent.
  void finish_sending();
  void close();
  // With a reset: the kernel must not keep the bytes of a peer that does not read them.
  void cut();
  std::size_t queued_bytes() const {
    return queue_.size() - sent_ + sending_.size() - encrypted_;
  }

  // ---- what Beast asks of a stream ----
  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, Done>(Reading(), token, this, buffers);
  }
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, Done>(Writing(), token, this, buffers);
  }

 private:
  // Control frames (pong, close) may still be queued when data may not.
  static constexpr std::size_t control_reserve_bytes = 16 * 1024;
  static constexpr std::size_t idle_capacity_bytes = 128;  // kept by a queue that is empty

  struct Reading {
    template <typename Handler, typename Buffers>
    void operator()(Handler&& handler, Wire* wire, const Buffers& buffers) const {
      if (wire->tls_ != nullptr) {
        wire->read_encrypted(buffers, std::forward<Handler>(handler));
      } else {
        wire->socket_.async_read_some(buffers, std::forward<Handler>(handler));
      }
    }
  };
  struct Writing {
    template <typename Handler, typename Buffers>
    void operator()(Handler&& handler, Wire* wire, const Buffers& buffers) const {
      const std::size_t bytes = boost::asio::buffer_size(buffers);
      const Error error = wire->admit(bytes);
      if (!error) {
        const std::size_t end = wire->queue_.size();
        wire->queue_.resize(end + bytes);
        boost::asio::buffer_copy(boost::asio::buffer(wire->queue_.data() + end, bytes), buffers);
      }
      // The handler first: what it writes, as a hello behind the 101, leaves with this.
      wire->post(std::forward<Handler>(handler), error, error ? 0 : bytes);
      if (!error) wire->send_soon();
    }
  };
  struct Greeting {
    template <typename Handler>
    void operator()(Handler&& handler, Wire* wire) const {
      wire->tls_->handshake(shared(std::forward<Handler>(handler)));
    }
  };
  // A handler can only be moved, and what the layer is given can be copied. It is called on the
  // socket's loop, which is the handler's own.
  template <typename Handler>
  static auto shared(Handler&& handler) {
    auto held = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
    return [held = std::move(held)](auto... results) { std::move (*held)(results...); };
  }
  template <typename Buffers, typename Handler>
  void read_encrypted(const Buffers& buffers, Handler&& handler) {
    boost::asio::mutable_buffer place;
    for (auto at = boost::asio::buffer_sequence_begin(buffers);
         place.size() == 0 && at != boost::asio::buffer_sequence_end(buffers); ++at) {
      place = boost::asio::mutable_buffer(*at);
    }
    tls_->read(place, shared(std::forward<Handler>(handler)));
  }
  template <typename Handler>
  void post(Handler&& handler, Error error, std::size_t bytes) {
    boost::asio::post(socket_.get_executor(),
                      boost::asio::append(std::forward<Handler>(handler), error, bytes));
  }

  Error admit(std::size_t bytes) const;
  void push(std::string_view head, std::string_view payload);
  void send_soon();
  void send();
  void send_encrypted();
  void drop_sent();
  void end_sending();
  void wait_writable();

  TcpSocket socket_;
  std::size_t queue_bytes_max_;
  std::weak_ptr<void> owner_;
  WireObserver* observer_ = nullptr;
  std::string queue_;
  std::size_t sent_ = 0;  // of queue_
  std::unique_ptr<TlsLayer> tls_;  // none: nothing is encrypted, and the two below stay empty
  std::string sending_;            // taken from queue_, which goes on growing
  std::size_t encrypted_ = 0;      // of sending_
  Error failure_;         // of the last send
  bool scheduled_ = false;
  bool waiting_ = false;
  bool finishing_ = false;
  bool said_end_ = false;  // of TLS
};

}  // namespace interlock
