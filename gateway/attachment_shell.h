// What owns the attachment among threads, and the stream that it drives.
//
// It decides nothing: it feeds the attachment and carries out what comes back. What carries the
// messages is given to it, so that gRPC and the in-memory twin differ in nothing else.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/identity.h"
#include "gateway/attachment.h"
#include "gateway/boot_clock.h"
#include "gateway/coordinator_client.h"

namespace interlock {

// One stream to a coordinator. Its owner calls it from one thread.
class AttachStream {
 public:
  // Called from any thread. Nothing received means that nothing more will be: the owner writes no
  // more and calls close(), after which `ended` comes, the last of all; its text is for the log.
  struct Events {
    std::function<void(std::optional<v1::AttachResponse>)> received;
    std::function<void()> written;
    std::function<void(std::string why)> ended;
  };
  virtual ~AttachStream() = default;
  virtual void write(v1::AttachRequest message) = 0;  // answered by `written`; one at a time
  virtual void read() = 0;  // answered by `received`; one at a time
  virtual void finish() = 0;  // nothing more will be written; not while a write is under way
  virtual void cancel() = 0;
  virtual void close() = 0;  // see Events
};

// Called on the owner's thread. Each call may choose another coordinator.
using OpenAttachStream = std::function<std::shared_ptr<AttachStream>(AttachStream::Events events)>;

// What main shows to Prometheus. May be read from any thread.
struct AttachCounters {
  std::atomic<std::uint64_t> streams_opened = 0;
  std::atomic<std::uint64_t> attached = 0;  // streams whose list was answered
  std::atomic<std::uint64_t> streams_ended = 0;
  std::atomic<std::uint64_t> messages_written = 0;
  std::atomic<std::uint64_t> messages_received = 0;
  std::atomic<std::uint64_t> heartbeats_sent = 0;
  std::atomic<std::uint64_t> heartbeats_confirmed = 0;
  // When the last one that was confirmed had been sent; before the first: when this was made.
  std::atomic<std::uint64_t> confirmed_at_ms = boot_time_ms();
  std::atomic<std::uint64_t> waiting_claims = 0;  // now
  std::atomic<std::uint64_t> unanswered_operations = 0;  // now
  std::atomic<bool> is_attached = false;  // now
  std::atomic<bool> store_away = false;  // now
  std::atomic<bool> holding = true;  // now
  std::atomic<std::uint64_t> holds = 0;  // begun by a gateway that could act
  std::atomic<std::uint64_t> expired = 0;  // ids that a coordinator said have expired
  std::atomic<std::uint64_t> given_up = 0;  // ids given up, since no coordinator said anything
};

struct AttachmentSettings {
  std::string gateway_id;  // 32 hexadecimal digits, new for each process
  std::string address;  // display only
  AttachmentLimits limits;
  bool has_backend = false;  // it can tell a backend of machines that ended
  // Says what operators are to see of this gateway, with each heartbeat; on one thread at a time,
  // also before whoever makes the shell has it. Empty: nothing.
  std::function<void(v1::GatewayLoad& load)> report_load = nullptr;
  std::function<std::string()> next_gateway_id = make_identity;  // when that one is used up
};

class AttachmentShell : public CoordinatorClient {
 public:
  AttachmentShell(const AttachmentSettings& settings, OpenAttachStream open);
  // Cancels the stream and waits for its end; nothing is called afterwards. Not from `notify`.
  ~AttachmentShell() override;
  AttachmentShell(const AttachmentShell&) = delete;
  AttachmentShell& operator=(const AttachmentShell&) = delete;

  void claim(std::uint64_t connection, v1::ClaimRequest request, Notify notify) override;
  void abandon(std::uint64_t connection) override;
  void operate(std::uint64_t connection, std::uint64_t generation,
               v1::Operation operation, std::string traceparent = {}) override;
  void acknowledge(std::uint64_t connection, std::uint64_t generation,
                   std::uint64_t sequence) override;
  void events_sent(std::uint64_t connection, std::uint64_t generation,
                   std::uint64_t sequence) override;
  void return_credit(std::uint64_t bytes) override;
  void forget(std::uint64_t connection) override;
  bool reachable() const override;
  std::uint64_t act_until_ms() const override;
  bool drain(std::uint64_t within_ms) override;

  // `tell` is called on one thread at a time for each end that the backend is to be told of, and
  // must not block; empty: nobody is told. Returns when the one before is not called any more. Not
  // from a callback.
  using TellClosed = std::function<void(v1::ClosedToDeliver)>;
  void tell_closed(TellClosed tell);
  // The backend was told, or does not want to be. Safe to call from any thread.
  void closed_delivered(std::string key, std::uint64_t generation);

  // Called on one thread at a time when an operator wants this gateway empty, with how many
  // connections a second; it must not block. Empty: nobody is told. As tell_closed otherwise.
  using SendAway = std::function<void(std::uint32_t per_s)>;
  void send_away(SendAway send);

  const AttachCounters& counters() const;

 private:
  class Owner;
  std::unique_ptr<Owner> owner_;
};

}  // namespace interlock
