// TLS between a socket and its wire.
//
// A thin wall around Asio's, whose templates are compiled in tls_layer.cc only.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>
#include <memory>

#include "gateway/event_loops.h"

namespace interlock {

struct TlsContext {
  boost::asio::ssl::context context{boost::asio::ssl::context::tls_server};
};

// One read, and one write or the end, may be under way at a time, and whoever waits for them keeps
// both the socket and this alive. Nothing is called before the function that was given it returns.
class TlsLayer {
 public:
  using Error = boost::system::error_code;
  using Done = std::function<void(Error, std::size_t)>;

  TlsLayer(TcpSocket& socket, std::shared_ptr<TlsContext> context);
  ~TlsLayer();
  TlsLayer(const TlsLayer&) = delete;
  TlsLayer& operator=(const TlsLayer&) = delete;

  void handshake(std::function<void(Error)> done);
  // As much as there is, at least one byte.
  void read(boost::asio::mutable_buffer place, Done done);
  // Some of it, at least one byte, as soon as the kernel has taken them.
  void write(boost::asio::const_buffer bytes, Done done);
  // Says that nothing more will come, and waits for the peer to say the same.
  void shutdown(std::function<void(Error)> done);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace interlock
