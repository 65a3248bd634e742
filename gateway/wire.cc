#include "gateway/wire.h"

namespace interlock {
namespace asio = boost::asio;

Wire::Wire(TcpSocket socket, std::size_t queue_bytes_max, std::shared_ptr<TlsContext> tls)
    : socket_(std::move(socket)), queue_bytes_max_(queue_bytes_max) {
  Error ignored;  // a socket that is already broken says so when it is read
  socket_.non_blocking(true, ignored);
  if (tls != nullptr) tls_ = std::make_unique<TlsLayer>(socket_, std::move(tls));
}

void Wire::set_owner(std::weak_ptr<void> owner, WireObserver* observer) {
  owner_ = std::move(owner);
  observer_ = observer;
}

void Wire::put(std::string answer) {
  queue_ = std::move(answer);
  sent_ = 0;
  send_soon();
}

bool Wire::append(std::string_view head, std::string_view payload) {
  if (failure_ || finishing_) return true;  // nobody will read it; the reader finds the end
  if (queued_bytes() + head.size() + payload.size() > queue_bytes_max_) return false;
  push(head, payload);
  return true;
}

bool Wire::append_control(std::string_view head, std::string_view payload) {
  if (failure_ || finishing_) return true;
  if (admit(head.size() + payload.size())) return false;
  push(head, payload);
  return true;
}

void Wire::push(std::string_view head, std::string_view payload) {
  if (sent_ > 0) queue_.erase(0, std::exchange(sent_, 0));
  queue_.append(head);
  queue_.append(payload);
  send_soon();
}

Wire::Error Wire::admit(std::size_t bytes) const {
  if (failure_) return failure_;
  if (finishing_) return asio::error::shut_down;
  if (queued_bytes() + bytes > queue_bytes_max_ + control_reserve_bytes) {
    return asio::error::no_buffer_space;
  }
  return {};
}

// Once per turn of the loop, behind whatever is queued there already: that may write as well.
void Wire::send_soon() {
  if (scheduled_ || waiting_) return;
  scheduled_ = true;
  asio::post(socket_.get_executor(), [this, owner = owner_] {
    const std::shared_ptr<void> alive = owner.lock();
    if (alive == nullptr) return;
    scheduled_ = false;
    send();
  });
}

void Wire::send() {
  if (waiting_ || failure_) return;
  if (tls_ != nullptr) return send_encrypted();
  std::size_t taken = 0;
  if (queued_bytes() > 0) {
    taken = socket_.send(asio::buffer(queue_.data() + sent_, queued_bytes()), 0, failure_);
    if (failure_ == asio::error::would_block || failure_ == asio::error::try_again) failure_ = {};
    if (failure_) return;  // the reader finds it too, and ends the connection
    sent_ += taken;
  }
  const bool drained = queued_bytes() == 0;
  if (drained) {
    drop_sent();
  } else {
    wait_writable();
  }
  if (observer_ != nullptr) observer_->on_send(taken > 0, drained);
}

// What is under way stays where it is while more is queued.
void Wire::send_encrypted() {
  if (encrypted_ == sending_.size()) {
    sending_.clear();
    encrypted_ = 0;
    sending_.swap(queue_);
  }
  if (sending_.empty()) {
    drop_sent();
    if (observer_ != nullptr) observer_->on_send(false, true);
    return;
  }
  waiting_ = true;
  tls_->write(asio::buffer(sending_) + encrypted_,
              [this, alive = owner_.lock()](Error error, std::size_t bytes) {
                waiting_ = false;
                encrypted_ += bytes;
                failure_ = error;
                if (failure_) return;  // the reader finds it too, and ends the connection
                const bool drained = queued_bytes() == 0;
                if (drained) drop_sent();
                if (observer_ != nullptr) observer_->on_send(bytes > 0, drained);
                if (!drained) send_soon();
              });
  if (observer_ != nullptr) observer_->on_send(false, false);
}

void Wire::drop_sent() {
  for (std::string* buffer : {&queue_, &sending_}) {
    buffer->clear();
    if (buffer->capacity() > idle_capacity_bytes) buffer->shrink_to_fit();
  }
  sent_ = 0;
  encrypted_ = 0;
  if (finishing_) end_sending();
}

void Wire::end_sending() {
  const auto shut = [this] {
    Error ignored;
    socket_.shutdown(TcpSocket::shutdown_send, ignored);
  };
  if (tls_ == nullptr) return shut();
  if (std::exchange(said_end_, true)) return;
  tls_->shutdown([shut, alive = owner_.lock()](Error) { shut(); });
}

void Wire::wait_writable() {
  waiting_ = true;
  socket_.async_wait(TcpSocket::wait_write, [this, alive = owner_.lock()](Error error) {
    waiting_ = false;
    if (!error) send();
  });
}

void Wire::finish_sending() {
  finishing_ = true;
  send_soon();
}

void Wire::close() {
  observer_ = nullptr;
  Error ignored;
  socket_.close(ignored);
}

void Wire::cut() {
  Error ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  close();
}

}  // namespace interlock
