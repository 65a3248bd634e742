#include "tests/coordinator/store/etcd_server.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

#include "tests/support/free_port.h"

namespace interlock {
namespace {

constexpr std::chrono::seconds kPatience{30};

pid_t start_program(std::vector<std::string> words, const std::string& log) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int out = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0666);
  dup2(out, 1);
  dup2(out, 2);
  const int none = open("/dev/null", O_RDONLY);
  dup2(none, 0);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that aborts leaves no server behind
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  _exit(127);
}

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "The test's etcd: " << why << std::endl;
  std::abort();
}

template <class Request, class Response>
Response must(const char* what, std::unique_ptr<etcdserverpb::KV::Stub> stub,
              const Request& request,
              grpc::Status (etcdserverpb::KV::Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*)) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  Response response;
  const grpc::Status status = ((*stub).*method)(&context, request, &response);
  if (!status.ok()) give_up(std::string(what) + ": " + status.error_message());
  return response;
}

}  // namespace

EtcdServer::EtcdServer(EtcdOptions options) : options_(std::move(options)) {
  const std::vector<int> ports = free_ports(2 * options_.members);
  for (std::size_t i = 0; i < options_.members; ++i) {
    members_.push_back({ports[2 * i], ports[2 * i + 1], -1});
  }
  if (options_.tls) {
    const std::string made =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
        "/CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout " +
        directory_.path() + "/key.pem -out " + ca_file() + " 2>/dev/null";
    if (std::system(made.c_str()) != 0) give_up("there is no certificate: is openssl installed?");
  }
  for (std::size_t i = 0; i < members_.size(); ++i) begin(i);
  if (!options_.tls) wait_until_it_writes();
}

EtcdServer::~EtcdServer() {
  for (std::size_t i = 0; i < members_.size(); ++i) kill(i);
}

std::string EtcdServer::log(std::size_t member) const {
  return directory_.path() + "/log" + std::to_string(member);
}

std::string EtcdServer::data(std::size_t member) const {
  return directory_.path() + "/data" + std::to_string(member);
}

std::string EtcdServer::endpoint(std::size_t member) const {
  return "127.0.0.1:" + std::to_string(members_[member].client_port);
}

std::string EtcdServer::url(const std::string& options, const std::string& user,
                            const std::string& prefix) {
  std::string url = "etcd://" + (user.empty() ? "" : user + "@");
  for (std::size_t i = 0; i < members_.size(); ++i) url += (i == 0 ? "" : ",") + endpoint(i);
  url += "/" + (prefix.empty() ? make_prefix() : prefix);
  return options.empty() ? url : url + "?" + options;
}

void EtcdServer::begin(std::size_t number) {
  Member& member = members_[number];
  const std::string name = "m" + std::to_string(number);
  const std::string scheme = options_.tls ? "https://" : "http://";
  const std::string peer = "http://127.0.0.1:" + std::to_string(member.peer_port);
  std::string cluster;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    cluster += (i == 0 ? "m" : ",m") + std::to_string(i) +
               "=http://127.0.0.1:" + std::to_string(members_[i].peer_port);
  }
  std::vector<std::string> words = {"etcd",
                                    "--name",
                                    name,
                                    "--data-dir",
                                    data(number),
                                    "--listen-client-urls",
                                    scheme + endpoint(number),
                                    "--advertise-client-urls",
                                    scheme + endpoint(number),
                                    "--listen-peer-urls",
                                    peer,
                                    "--initial-advertise-peer-urls",
                                    peer,
                                    "--initial-cluster",
                                    cluster,
                                    "--logger",
                                    "zap",
                                    "--log-level",
                                    "error"};
  if (options_.tls) {
    words.insert(words.end(),
                 {"--cert-file", ca_file(), "--key-file", directory_.path() + "/key.pem"});
  }
  words.insert(words.end(), options_.flags.begin(), options_.flags.end());
  member.pid = start_program(words, log(number));
}

void EtcdServer::start(std::size_t member) { begin(member); }

std::string EtcdServer::start_elsewhere() {
  const int port = std::exchange(members_[0].client_port, free_port());
  begin(0);
  wait_until_it_writes();
  std::string there = endpoint(0);
  members_[0].client_port = port;
  return there;
}

void EtcdServer::save(std::size_t member) {
  std::filesystem::copy(data(member), data(member) + ".saved",
                        std::filesystem::copy_options::recursive);
}

void EtcdServer::restore(std::size_t member) {
  std::filesystem::remove_all(data(member));
  std::filesystem::rename(data(member) + ".saved", data(member));
}

void EtcdServer::kill(std::size_t member) {
  pid_t& pid = members_[member].pid;
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  pid = -1;
}

void EtcdServer::pause(std::size_t member) { ::kill(members_[member].pid, SIGSTOP); }
void EtcdServer::resume(std::size_t member) { ::kill(members_[member].pid, SIGCONT); }

std::int64_t EtcdServer::wait_until_it_writes() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  etcdserverpb::PutRequest request;
  request.set_key("of the test");
  for (std::size_t asked = 0;; asked = (asked + 1) % members_.size()) {
    const auto stub = kv(endpoint(asked));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(3));
    etcdserverpb::PutResponse response;
    const grpc::Status status = stub->Put(&context, request, &response);
    if (status.ok()) return response.header().revision();
    if (std::chrono::steady_clock::now() > deadline) {
      std::cerr << std::ifstream(log(asked)).rdbuf();
      give_up("it takes no writes: " + status.error_message());
    }
    poll(nullptr, 0, 50);  // ms
  }
}

std::size_t EtcdServer::leader() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (members_[i].pid <= 0) continue;
      const auto stub = etcdserverpb::Maintenance::NewStub(
          grpc::CreateChannel(endpoint(i), grpc::InsecureChannelCredentials()));
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
      etcdserverpb::StatusResponse response;
      const bool answered = stub->Status(&context, {}, &response).ok();
      if (answered && response.leader() != 0 &&
          response.leader() == response.header().member_id()) {
        return i;
      }
    }
    poll(nullptr, 0, 50);  // ms
  }
  give_up("it has no leader");
}

std::unique_ptr<etcdserverpb::KV::Stub> EtcdServer::kv(const std::string& at) const {
  return etcdserverpb::KV::NewStub(
      grpc::CreateChannel(at.empty() ? endpoint() : at, grpc::InsecureChannelCredentials()));
}

bool EtcdServer::try_put(const std::string& key, const std::string& value) {
  etcdserverpb::PutRequest request;
  request.set_key(key);
  request.set_value(value);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  etcdserverpb::PutResponse response;
  return kv()->Put(&context, request, &response).ok();
}

std::int64_t EtcdServer::put(const std::string& key, const std::string& value) {
  etcdserverpb::PutRequest request;
  request.set_key(key);
  request.set_value(value);
  return must<etcdserverpb::PutRequest, etcdserverpb::PutResponse>("put", kv(), request,
                                                                   &etcdserverpb::KV::Stub::Put)
      .header()
      .revision();
}

void EtcdServer::compact(std::int64_t revision, const std::string& endpoint) {
  etcdserverpb::CompactionRequest request;
  request.set_revision(revision);
  must<etcdserverpb::CompactionRequest, etcdserverpb::CompactionResponse>(
      "compact", kv(endpoint), request, &etcdserverpb::KV::Stub::Compact);
}

std::int64_t EtcdServer::revision() { return range("of the test", "").header().revision(); }

etcdserverpb::RangeResponse EtcdServer::range(const std::string& begin, const std::string& end,
                                              std::int64_t revision) {
  etcdserverpb::RangeRequest request;
  request.set_key(begin);
  request.set_range_end(end);
  request.set_revision(revision);
  return must<etcdserverpb::RangeRequest, etcdserverpb::RangeResponse>(
      "range", kv(), request, &etcdserverpb::KV::Stub::Range);
}

void EtcdServer::run(const std::string& etcdctl_arguments) {
  const std::string command =
      "ETCDCTL_API=3 etcdctl --endpoints=" + endpoint() + " " + etcdctl_arguments + " >/dev/null";
  if (std::system(command.c_str()) != 0) give_up("etcdctl " + etcdctl_arguments + " failed");
}

}  // namespace interlock
