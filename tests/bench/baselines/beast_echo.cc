// An echo as Beast's users write it: tcp_stream, the suggested timeouts, a buffer for each
// connection, one thread. Or, `lean`, with nothing that Beast can do without: a plain socket, its
// own executor, no timeouts, no compression.
//
//   bench_beast_echo PORT [lean]
//
// Sends `ready` when the upgrade is over. Ends with its input.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::string_view kReady = R"({"type":"ready"})";
constexpr std::string_view kPong = R"({"type":"pong"})";

using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using Usual = websocket::stream<beast::tcp_stream>;
using Lean = websocket::stream<Socket, false>;

template <class Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  explicit Session(Socket socket) : stream_(std::move(socket)) {}

  void start() {
    if constexpr (std::is_same_v<Stream, Usual>) {
      stream_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
    }
    stream_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
      response.set(beast::http::field::sec_websocket_protocol, "interlock.v1");
    }));
    stream_.async_accept([self = this->shared_from_this()](Error error) {
      if (!error) self->write(kReady);
    });
  }

 private:
  void read() {
    buffer_.clear();
    stream_.async_read(buffer_, [self = this->shared_from_this()](Error error, std::size_t) {
      if (!error) self->write(kPong);
    });
  }

  void write(std::string_view text) {
    stream_.text(true);
    stream_.async_write(asio::buffer(text),
                        [self = this->shared_from_this()](Error error, std::size_t) {
                          if (!error) self->read();
                        });
  }

  Stream stream_;
  beast::flat_buffer buffer_;
};

template <class Stream>
void accept_next(Acceptor& acceptor) {
  acceptor.async_accept([&acceptor](Error error, Socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay(true));
      std::make_shared<Session<Stream>>(std::move(socket))->start();
    }
    accept_next<Stream>(acceptor);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bool lean = argc == 3 && std::string_view(argv[2]) == "lean";
  if (argc != 2 && !lean) {
    std::cerr << "bench_beast_echo: a port, and perhaps `lean`\n";
    return 2;
  }
  asio::io_context io(1);
  Acceptor acceptor(io);
  const tcp::endpoint endpoint(tcp::v4(), static_cast<std::uint16_t>(std::atoi(argv[1])));
  acceptor.open(endpoint.protocol());
  acceptor.set_option(tcp::acceptor::reuse_address(true));
  acceptor.bind(endpoint);
  acceptor.listen(4096);
  lean ? accept_next<Lean>(acceptor) : accept_next<Usual>(acceptor);
  asio::posix::stream_descriptor input(io, dup(STDIN_FILENO));
  input.async_wait(asio::posix::stream_descriptor::wait_read, [&io](Error) { io.stop(); });
  std::cout << "{\"listening\":true}" << std::endl;
  io.run();
  return 0;
}
