// One client's connection: an HTTP request first, and then perhaps a WebSocket.
//
// Beast reads the HTTP and does the handshake of WebSocket; its templates are compiled in
// websocket.cc and nowhere else. The frames are read behind frame_stream.h. Whoever awaits one of
// the tasks keeps the socket alive; everything happens on the socket's own event loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "gateway/close_code.h"
#include "gateway/event_loops.h"
#include "gateway/http_answer.h"
#include "gateway/session_types.h"
#include "gateway/upgrade.h"

namespace interlock {

struct TlsContext;  // tls_layer.h

struct SocketLimits {
  std::size_t head_bytes_max = 8 * 1024;       // request line and header fields
  std::size_t frame_bytes_max = 64 * 1024;     // of a client's message, all fragments together
  std::size_t queue_bytes_max = 2 * 1024 * 1024;  // written and not yet taken by the kernel
  std::uint64_t linger_ms = 1'000;  // for the peer to take some of the last bytes, or to close
};

enum class HeadOutcome : std::uint8_t { kRequest, kGone, kNoTls, kTooLarge, kMalformed };

// kTooLarge: there is more of it, unread. kMalformed: its chunks are not HTTP.
enum class BodyOutcome : std::uint8_t { kWhole, kGone, kTooLarge, kMalformed };
struct BodyRead {
  BodyOutcome outcome = BodyOutcome::kGone;
  std::string text;  // behind kWhole
};

using Incoming = std::variant<FrameReceived, FrameTooBig, SocketEnded>;

// Told on the socket's event loop; no longer once the socket is left or cut.
class SocketObserver {
 public:
  // Behind start_reading(), in order; nothing follows FrameTooBig and SocketEnded. It may close,
  // leave or cut the socket.
  virtual void on_incoming(Incoming incoming) = 0;
  virtual void on_pong() = 0;
  virtual void on_send(bool progress, bool drained) = 0;  // after each attempt to send

 protected:
  ~SocketObserver() = default;
};

class ClientSocket {
 public:
  virtual ~ClientSocket() = default;
  virtual void observe(SocketObserver* observer) = 0;

  // ---- HTTP ----
  virtual Task<HeadOutcome> read_head() = 0;
  // Valid behind kRequest, until read_body(), upgrade() or answer().
  virtual const HttpRequest& request() const = 0;
  // Behind kRequest, once; a client that asks first is told to go on. No upgrade may follow.
  virtual Task<BodyRead> read_body(std::size_t bytes_max) = 0;
  // Writes it and leaves.
  virtual void answer(const HttpAnswer& answer) = 0;
  // Waits until something comes: true when that is the end. upgrade() ends the waiting.
  virtual Task<bool> peer_left() = 0;

  // ---- WebSocket ----
  // Writes the 101; an empty subprotocol selects none. False: the socket is broken.
  virtual Task<bool> upgrade(std::string_view subprotocol) = 0;
  // Behind upgrade(), once. The observer may be told of the first ones before this returns.
  virtual void start_reading() = 0;
  // What is sent within one turn of the event loop leaves together. False: more than
  // queue_bytes_max would wait, and nothing was taken.
  virtual bool send_text(std::string_view text) = 0;
  virtual void send_ping() = 0;
  // Nothing can be sent behind it, and nothing is reported but the end: the peer's answer.
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
  // The code that this side has sent, whether close() was asked for it or the peer broke the rules
  // of WebSocket (1002, 1007, 1009); 0: none.
  virtual std::uint16_t sent_code() const = 0;

  // Lets what is queued go out, as long as the peer takes some each linger_ms, and closes. Nothing
  // is reported any more.
  virtual void leave() = 0;
  // Closes now, and the peer's unread bytes are thrown away.
  virtual void cut() = 0;
};

// `tls`: none for a plain socket. `ticket` is kept as long as the file descriptor is open.
std::shared_ptr<ClientSocket> make_client_socket(TcpSocket socket, const SocketLimits& limits,
                                                 std::shared_ptr<void> ticket,
                                                 std::shared_ptr<TlsContext> tls = nullptr);

}  // namespace interlock
