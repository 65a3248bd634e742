// A PostgreSQL of the test's own: Debian's programs, a folder for its data, a free port on
// loopback.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/scratch_directory.h"

namespace interlock {

enum class Disk { kUsual, kFull };

// Started by the constructor, ended by the destructor. `settings`: lines of postgresql.conf. A
// failure to start ends the process, with the server's log.
class PostgresServer {
 public:
  explicit PostgresServer(const std::vector<std::string>& settings = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // A database of its own, empty.
  std::string make_database();
  std::string url(const std::string& database, const std::string& user = "interlock",
                  const std::string& password = "secret") const;
  // Runs statements as the administrator, and ends the process when that fails. The first value of
  // the last one.
  std::string run(const std::string& database, const std::string& sql) const;

  void kill();  // SIGKILL, to all of it
  void start(Disk disk = Disk::kUsual);
  void stop();  // in order
  void pause();
  void resume();

 private:
  void signal_all(int signal) const;

  ScratchDirectory directory_;
  int port_;
  pid_t pid_ = -1;
  int databases_ = 0;
};

}  // namespace interlock
