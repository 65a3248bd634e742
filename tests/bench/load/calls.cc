// Calls of a coordinator, or of a server that does nothing.
//
//   bench_calls claims PORT COUNT AT_ONCE     fresh keys, closed loop
//   bench_calls stream PORT COUNT             a heartbeat and its confirmation, one after the other
//   bench_calls setup PORT COUNT              a connection's five steps, a unary call each, one
//                                             after the other
//   bench_calls floor PORT COUNT BEAST FILE   what a durable handshake cannot do without, one
//                                             behind the other: a client that a bare server at
//                                             BEAST accepts, a heartbeat, and a sync of FILE
//
// Ports are those of 127.0.0.1. Prints a JSON object.
#include <fcntl.h>
#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "common/identity.h"
#include "interlock/v1/gateway.grpc.pb.h"
#include "tests/bench/load/arrivals.h"
#include "tests/bench/load/samples.h"

namespace interlock::bench {
namespace {

constexpr std::size_t kAppendBytes = 512;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_calls: %s\n", why.c_str());
  std::exit(1);
}

class Caller {
 public:
  explicit Caller(int port) : name_(fmt::format("{}", now_us())), gateway_id_(make_identity()) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    stub_ = v1::Gateway::NewStub(grpc::CreateCustomChannel(
        fmt::format("127.0.0.1:{}", port), grpc::InsecureChannelCredentials(), arguments));
  }

  void claims(std::size_t count, std::ptrdiff_t at_once) {
    struct Call {
      grpc::ClientContext context;
      v1::ClaimRequest request;
      v1::Granted granted;
    };
    std::counting_semaphore<> room(at_once);
    for (std::size_t number = 0; number < count; ++number) {
      room.acquire();
      auto* call = new Call;
      call->request = claim(number, v1::PROCESSING_READY);
      stub_->async()->Claim(&call->context, &call->request, &call->granted,
                            [call, &room](const grpc::Status& status) {
                              if (!status.ok()) give_up(status.error_message());
                              delete call;
                              room.release();
                            });
    }
    for (std::ptrdiff_t i = 0; i < at_once; ++i) room.acquire();
  }

  // `before` and `behind` each of them belong to what is timed.
  std::vector<std::int64_t> heartbeats(
      std::size_t count, const std::function<void(std::uint64_t)>& before = [](std::uint64_t) {},
      const std::function<void()>& behind = [] {}) {
    grpc::ClientContext context;
    const auto stream = stub_->Attach(&context);
    std::vector<std::int64_t> times;
    for (std::uint64_t number = 1; number <= count; ++number) {
      const std::int64_t began = now_us();
      before(number);
      v1::AttachRequest request;
      request.mutable_heartbeat()->set_number(number);
      v1::AttachResponse response;
      if (!stream->Write(request)) give_up("the stream ended");
      while (response.heartbeat_confirmed() < number) {
        if (!stream->Read(&response)) give_up("the stream ended");
      }
      behind();
      times.push_back(now_us() - began);
    }
    context.TryCancel();
    return times;
  }

  std::int64_t setup(std::size_t number) {
    const std::int64_t began = now_us();
    v1::Granted granted;
    {
      grpc::ClientContext context;
      must(stub_->Claim(&context, claim(number, v1::CONNECTING), &granted));
    }
    std::uint64_t op = 0;
    for (const v1::State to :
         {v1::ACCEPTED, v1::AUTHENTICATED, v1::SERVICES_READY, v1::PROCESSING_READY}) {
      grpc::ClientContext context;
      v1::OperateRequest request;
      request.set_key(key(number));
      request.set_gateway_id(gateway_id_);
      request.set_generation(granted.generation());
      v1::Operation& operation = *request.add_operations();
      operation.set_op(++op);
      operation.set_advance(to);
      v1::Done done;
      must(stub_->Operate(&context, request, &done));
      if (done.refused_size() > 0) give_up("a step was refused: " + done.ShortDebugString());
    }
    return now_us() - began;
  }

 private:
  static void must(const grpc::Status& status) {
    if (!status.ok()) give_up(status.error_message());
  }
  std::string key(std::size_t number) const { return fmt::format("user.{}.{}:s", name_, number); }
  v1::ClaimRequest claim(std::size_t number, v1::State through) const {
    v1::ClaimRequest request;
    request.set_key(key(number));
    request.set_subject(fmt::format("user.{}.{}", name_, number));
    request.set_gateway_id(gateway_id_);
    request.set_claim_id(fmt::format("{:016x}", number));
    request.set_through(through);
    return request;
  }

  const std::string name_;
  const std::string gateway_id_;
  std::unique_ptr<v1::Gateway::Stub> stub_;
};

std::vector<std::int64_t> floor(Caller& caller, std::size_t count, int beast, const char* path) {
  const int file = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) give_up(std::string("cannot open ") + path);
  const std::string bytes(kAppendBytes, 'x');
  Arrivals arrivals;
  auto times = caller.heartbeats(
      count, [&](std::uint64_t number) { arrivals.one(beast, number); },
      [&] {
        const bool written = write(file, bytes.data(), bytes.size()) > 0 && fdatasync(file) == 0;
        if (!written) give_up(std::string("cannot write ") + path);
      });
  close(file);
  unlink(path);
  return times;
}

int run(int argc, char** argv) {
  if (argc < 4) give_up("claims, stream, setup or floor, a port and a number");
  const std::string verb = argv[1];
  const std::size_t count = std::strtoull(argv[3], nullptr, 10);
  Caller caller(std::atoi(argv[2]));
  if (verb == "claims" && argc == 5) {
    const std::int64_t began = now_us();
    caller.claims(count, std::atoi(argv[4]));
    const auto took_us = static_cast<double>(now_us() - began);
    std::cout << fmt::format("{{\"per_s\":{:.0f}}}", static_cast<double>(count) * 1e6 / took_us)
              << std::endl;
    return 0;
  }
  std::vector<std::int64_t> times;
  if (verb == "stream") {
    times = caller.heartbeats(count);
  } else if (verb == "setup") {
    for (std::size_t number = 0; number < count; ++number) times.push_back(caller.setup(number));
  } else if (verb == "floor" && argc == 6) {
    times = floor(caller, count, std::atoi(argv[4]), argv[5]);
  } else {
    give_up("its words stand at the beginning of calls.cc");
  }
  std::cout << summary(std::move(times)) << std::endl;
  return 0;
}

}  // namespace
}  // namespace interlock::bench

int main(int argc, char** argv) { return interlock::bench::run(argc, argv); }
