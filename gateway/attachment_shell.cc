#include "gateway/attachment_shell.h"

#include <chrono>
#include <future>
#include <utility>

#include "gateway/attachment_owner.h"

namespace interlock {

AttachmentShell::AttachmentShell(const AttachmentSettings& settings, OpenAttachStream open)
    : owner_(std::make_unique<Owner>(settings, std::move(open))) {}

AttachmentShell::~AttachmentShell() = default;

void AttachmentShell::claim(std::uint64_t connection, v1::ClaimRequest request, Notify notify) {
  owner_->post(
      [connection, request = std::move(request), notify = std::move(notify)](Owner& self) mutable {
        self.notify_[connection] = std::move(notify);
        self.attachment_.claim(connection, std::move(request));
      });
}

void AttachmentShell::abandon(std::uint64_t connection) {
  owner_->post([connection](Owner& self) { self.attachment_.abandon(connection); });
}

void AttachmentShell::operate(std::uint64_t connection, std::uint64_t generation,
                              v1::Operation operation, std::string traceparent) {
  owner_->post([connection, generation, operation = std::move(operation),
                traceparent = std::move(traceparent)](Owner& self) mutable {
    self.attachment_.operate(connection, generation, std::move(operation), std::move(traceparent));
  });
}

void AttachmentShell::acknowledge(std::uint64_t connection, std::uint64_t generation,
                                  std::uint64_t sequence) {
  owner_->post([connection, generation, sequence](Owner& self) {
    self.attachment_.acknowledge(connection, generation, sequence);
  });
}

void AttachmentShell::events_sent(std::uint64_t connection, std::uint64_t generation,
                                  std::uint64_t sequence) {
  owner_->post([connection, generation, sequence](Owner& self) {
    self.attachment_.events_sent(connection, generation, sequence);
  });
}

void AttachmentShell::return_credit(std::uint64_t bytes) {
  owner_->post([bytes](Owner& self) { self.attachment_.return_credit(bytes); });
}

void AttachmentShell::forget(std::uint64_t connection) {
  owner_->post([connection](Owner& self) {
    self.attachment_.forget(connection);
    self.notify_.erase(connection);
  });
}

bool AttachmentShell::reachable() const { return owner_->reachable_; }

std::uint64_t AttachmentShell::act_until_ms() const { return owner_->act_until_ms_; }

bool AttachmentShell::drain(std::uint64_t within_ms) {
  std::promise<bool> promise;
  std::future<bool> drained = promise.get_future();
  owner_->post([promise = std::move(promise)](Owner& self) mutable {
    self.drains_.push_back(std::move(promise));
  });
  return drained.wait_for(std::chrono::milliseconds(within_ms)) == std::future_status::ready &&
         drained.get();
}

void AttachmentShell::tell_closed(TellClosed tell) {
  std::promise<void> set;
  std::future<void> done = set.get_future();
  owner_->post([set = std::move(set), tell = std::move(tell)](Owner& self) mutable {
    self.tell_closed_ = std::move(tell);
    set.set_value();
  });
  done.wait();
}

void AttachmentShell::send_away(SendAway send) {
  std::promise<void> set;
  std::future<void> done = set.get_future();
  owner_->post([set = std::move(set), send = std::move(send)](Owner& self) mutable {
    self.send_away_ = std::move(send);
    set.set_value();
  });
  done.wait();
}

void AttachmentShell::closed_delivered(std::string key, std::uint64_t generation) {
  owner_->post([key = std::move(key), generation](Owner& self) {
    self.attachment_.closed_delivered(key, generation);
  });
}

const AttachCounters& AttachmentShell::counters() const { return owner_->counters_; }

}  // namespace interlock
