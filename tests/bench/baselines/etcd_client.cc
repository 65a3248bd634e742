// A plain client of etcd: compare-and-set, one Txn each, or packed into nested Txns.
//
//   bench_etcd PORT[,PORT...] single OUTSTANDING KEYS BYTES COUNT
//   bench_etcd PORT[,PORT...] nested OUTSTANDING KEYS BYTES COUNT CHILDREN
//   bench_etcd PORT fill PREFIX COUNT FILE   puts what FILE holds under COUNT keys
//   bench_etcd PORT read PREFIX COUNT        reads all of them, and prints {"seconds":..}
//
// Makes the keys, then COUNT transitions of them, and prints {"per_s":..}. Every key has at most
// one write under way, conditional on the revision that the one before it had.
#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "etcd/rpc.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kChildren = 126;  // of a Txn
constexpr int kPage = 4'096;

struct Call {
  grpc::ClientContext context;
  grpc::Status status;
  etcdserverpb::TxnResponse response;
  std::unique_ptr<grpc::ClientAsyncResponseReader<etcdserverpb::TxnResponse>> reader;
  std::vector<std::size_t> keys;
};

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "bench_etcd: " << why << "\n";
  std::_Exit(1);
}

class Client {
 public:
  Client(const std::string& ports, bool nested, std::size_t keys, std::size_t bytes)
      : nested_(nested), revisions_(keys, 0), value_(bytes, 'x') {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    for (const absl::string_view port : absl::StrSplit(ports, ',')) {
      stubs_.push_back(etcdserverpb::KV::NewStub(grpc::CreateCustomChannel(
          absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials(), arguments)));
    }
    for (std::size_t i = 0; i < keys; ++i) free_.push_back(i);
  }

  // `count` writes, `children` in a Txn, `outstanding` Txns under way.
  void write(std::uint64_t count, std::size_t children, std::size_t outstanding) {
    std::uint64_t asked = 0, done = 0;
    std::size_t under_way = 0;
    while (done < count) {
      while (under_way < outstanding && asked < count && !free_.empty()) {
        asked += start(std::min<std::uint64_t>(children, count - asked));
        ++under_way;
      }
      void* tag = nullptr;
      bool ok = false;
      if (!queue_.Next(&tag, &ok)) give_up("the queue ended");
      const std::unique_ptr<Call> call(static_cast<Call*>(tag));
      if (!call->status.ok()) give_up(call->status.error_message());
      --under_way;
      done += take(*call);
    }
  }

 private:
  std::size_t start(std::size_t children) {
    auto call = std::make_unique<Call>();
    etcdserverpb::TxnRequest request;
    for (; !free_.empty() && call->keys.size() < children; free_.pop_front()) {
      call->keys.push_back(free_.front());
      etcdserverpb::TxnRequest& txn =
          nested_ ? *request.add_success()->mutable_request_txn() : request;
      compare_and_set(free_.front(), txn);
    }
    const std::size_t count = call->keys.size();
    auto& stub = *stubs_[turn_++ % stubs_.size()];
    call->reader = stub.AsyncTxn(&call->context, request, &queue_);
    Call* raw = call.release();
    raw->reader->Finish(&raw->response, &raw->status, raw);
    return count;
  }

  void compare_and_set(std::size_t number, etcdserverpb::TxnRequest& txn) {
    const std::string key = fmt::format("bench{}/{:08}", getpid(), number);
    auto& compare = *txn.add_compare();
    compare.set_target(etcdserverpb::Compare::MOD);
    compare.set_result(etcdserverpb::Compare::EQUAL);
    compare.set_key(key);
    compare.set_mod_revision(revisions_[number]);
    auto& put = *txn.add_success()->mutable_request_put();
    put.set_key(key);
    put.set_value(value_);
    txn.add_failure()->mutable_request_range()->set_key(key);
  }

  std::size_t take(const Call& call) {
    const std::int64_t revision = call.response.header().revision();
    for (std::size_t i = 0; i < call.keys.size(); ++i) {
      const bool applied =
          nested_ ? call.response.responses(static_cast<int>(i)).response_txn().succeeded()
                  : call.response.succeeded();
      if (!applied) give_up("a compare failed");
      revisions_[call.keys[i]] = revision;
      free_.push_back(call.keys[i]);
    }
    return call.keys.size();
  }

  const bool nested_;
  std::vector<std::int64_t> revisions_;
  const std::string value_;
  std::vector<std::unique_ptr<etcdserverpb::KV::Stub>> stubs_;
  grpc::CompletionQueue queue_;
  std::deque<std::size_t> free_;
  std::size_t turn_ = 0;
};

std::unique_ptr<etcdserverpb::KV::Stub> connect(const char* port) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  return etcdserverpb::KV::NewStub(grpc::CreateCustomChannel(
      absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials(), arguments));
}

void fill(const char* port, const std::string& prefix, std::uint64_t count, const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string value{std::istreambuf_iterator<char>(file), {}};
  const auto stub = connect(port);
  for (std::uint64_t next = 0; next < count;) {
    etcdserverpb::TxnRequest request;
    for (int i = 0; i < kChildren && next < count; ++i, ++next) {
      auto& txn = *request.add_success()->mutable_request_txn();
      auto& put = *txn.add_success()->mutable_request_put();
      put.set_key(fmt::format("{}{:08}:s", prefix, next));
      put.set_value(value);
    }
    grpc::ClientContext context;
    etcdserverpb::TxnResponse response;
    const grpc::Status status = stub->Txn(&context, request, &response);
    if (!status.ok()) give_up(status.error_message());
  }
  std::cout << "{\"filled\":" << count << "}" << std::endl;
}

void read(const char* port, const std::string& prefix, std::uint64_t count) {
  const auto stub = connect(port);
  const auto began = Clock::now();
  etcdserverpb::RangeRequest request;
  request.set_key(prefix);
  request.set_range_end(prefix.substr(0, prefix.size() - 1) + static_cast<char>(prefix.back() + 1));
  request.set_limit(kPage);
  std::uint64_t found = 0;
  while (true) {
    grpc::ClientContext context;
    etcdserverpb::RangeResponse response;
    const grpc::Status status = stub->Range(&context, request, &response);
    if (!status.ok()) give_up(status.error_message());
    found += static_cast<std::uint64_t>(response.kvs_size());
    if (!response.more()) break;
    request.set_key(response.kvs(response.kvs_size() - 1).key() + std::string(1, '\0'));
  }
  if (found < count) give_up(fmt::format("only {} records are there", found));
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  std::cout << fmt::format("{{\"seconds\":{:.3f}}}", took) << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[2] : "";
  if (mode == "fill" && argc == 6) {
    fill(argv[1], argv[3], std::strtoull(argv[4], nullptr, 10), argv[5]);
    return 0;
  }
  if (mode == "read" && argc == 5) {
    read(argv[1], argv[3], std::strtoull(argv[4], nullptr, 10));
    return 0;
  }
  if ((mode != "single" || argc != 7) && (mode != "nested" || argc != 8)) {
    std::cerr << "bench_etcd: see the head of its source\n";
    return 2;
  }
  const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
  const std::size_t children = mode == "nested" ? number(7) : 1;
  Client client(argv[1], mode == "nested", number(4), number(5));
  client.write(number(4), children, number(3));
  const auto began = Clock::now();
  client.write(number(6), children, number(3));
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  std::cout << fmt::format("{{\"per_s\":{:.0f}}}", static_cast<double>(number(6)) / took)
            << std::endl;
  return 0;
}
