// An etcd of the test's own: Debian's programs, a folder for its data, free ports on loopback.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "etcd/rpc.grpc.pb.h"
#include "tests/support/scratch_directory.h"

namespace interlock {

struct EtcdOptions {
  std::size_t members = 1;
  std::vector<std::string> flags;  // of each member, beside those that it needs
  bool tls = false;  // for clients, with a certificate for 127.0.0.1 of the test's own
};

// Started by the constructor, ended by the destructor. A failure to start ends the process, with
// the servers' logs.
class EtcdServer {
 public:
  explicit EtcdServer(EtcdOptions options = {});
  ~EtcdServer();
  EtcdServer(const EtcdServer&) = delete;
  EtcdServer& operator=(const EtcdServer&) = delete;

  // Of all members, with a prefix that nothing uses yet, or with that one. `options`: a=b&c=d.
  std::string url(const std::string& options = "", const std::string& user = "",
                  const std::string& prefix = "");
  std::string make_prefix() { return "test" + std::to_string(++prefixes_); }
  std::string endpoint(std::size_t member = 0) const;
  std::string ca_file() const { return directory_.path() + "/ca.pem"; }

  void kill(std::size_t member = 0);  // SIGKILL
  void start(std::size_t member = 0);
  // Where nobody who has the URL finds it; returns the endpoint. To be killed before start().
  std::string start_elsewhere();
  // What the killed member holds, for later; and that again, whatever came since.
  void save(std::size_t member = 0);
  void restore(std::size_t member = 0);
  void pause(std::size_t member = 0);
  void resume(std::size_t member = 0);
  // Until a write of the test's own is answered; returns its revision.
  std::int64_t wait_until_it_writes();
  std::size_t leader();

  // False: etcd refused it.
  bool try_put(const std::string& key, const std::string& value);
  // What goes wrong here ends the process.
  std::int64_t put(const std::string& key, const std::string& value);
  void compact(std::int64_t revision, const std::string& endpoint = "");
  std::int64_t revision();
  etcdserverpb::RangeResponse range(const std::string& begin, const std::string& end,
                                    std::int64_t revision = 0);
  void run(const std::string& etcdctl_arguments);

 private:
  struct Member {
    int client_port = 0;
    int peer_port = 0;
    pid_t pid = -1;
  };

  void begin(std::size_t member);
  std::string data(std::size_t member) const;
  std::string log(std::size_t member) const;
  std::unique_ptr<etcdserverpb::KV::Stub> kv(const std::string& endpoint = "") const;

  const EtcdOptions options_;
  ScratchDirectory directory_;
  std::vector<Member> members_;
  int prefixes_ = 0;
};

}  // namespace interlock
