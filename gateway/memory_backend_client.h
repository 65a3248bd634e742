// The backend without a network: the in-memory twin of grpc_backend_client.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/backend_client.h"

namespace interlock {

// A backend that keeps its promises: below the highest generation seen of a key it refuses, and a
// message id that it has accepted starts nothing again. A plain value, used by one thread.
class MemoryBackend {
 public:
  // What a test wants otherwise; anything but kOk is answered before the rules above are looked at.
  std::function<BackendAnswer(const v1::OpenRequest&)> on_open;
  std::function<BackendAnswer(const v1::ReceiveRequest&)> on_receive;
  std::function<BackendAnswer(const v1::ClosedRequest&)> on_closed;
  // What comes back behind the acceptance of a message that is new.
  std::function<std::vector<v1::Transient>(const v1::ReceiveRequest&)> transients;

  BackendAnswer open(const v1::OpenRequest& request);
  BackendAnswer receive(const v1::ReceiveRequest& request, std::vector<v1::Transient>& events);
  BackendAnswer closed(const v1::ClosedRequest& request);

  std::vector<v1::OpenRequest> opened;  // all that was answered kOk, in order
  std::vector<v1::ReceiveRequest> received;  // each once
  std::vector<v1::ClosedRequest> ended;
  std::vector<std::string> traceparents;  // of all calls that came with one, in order

 private:
  bool below(const std::string& key, std::uint64_t generation);

  std::map<std::string, std::uint64_t> generations_;  // by key: the highest seen
};

class MemoryBackendClient final : public BackendClient {
 public:
  MemoryBackendClient();
  ~MemoryBackendClient() override;
  MemoryBackendClient(const MemoryBackendClient&) = delete;
  MemoryBackendClient& operator=(const MemoryBackendClient&) = delete;

  // Runs `what` on the client's thread and returns when it is done. Not from a callback.
  void run(const std::function<void(MemoryBackend&)>& what);
  // While it holds, calls wait; then they are carried out in order.
  void hold(bool holding);

  void open(v1::OpenRequest request, std::function<void(BackendAnswer)> done,
            std::string traceparent) override;
  void receive(v1::ReceiveRequest request, std::function<void(BackendAnswer)> accepted,
               std::function<void(v1::Transient)> transient, std::string traceparent) override;
  void closed(v1::ClosedRequest request, std::function<void(BackendAnswer)> done) override;

 private:
  class Owner;
  std::unique_ptr<Owner> owner_;
};

}  // namespace interlock
