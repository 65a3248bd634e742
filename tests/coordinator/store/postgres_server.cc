#include "tests/coordinator/store/postgres_server.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/support/free_port.h"

namespace interlock {
namespace {

const std::string kPrograms = "/usr/lib/postgresql/15/bin/";
constexpr std::chrono::seconds kPatience{30};

[[noreturn]] void give_up(const std::string& why, const std::string& log) {
  std::cerr << "The test's PostgreSQL: " << why << "\n" << std::ifstream(log).rdbuf() << std::endl;
  std::abort();
}

// PostgreSQL refuses to run as root.
void become_nobody_special() {
  if (geteuid() != 0) return;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) _exit(126);
}

// From here on no file of this process and its children grows beyond 16 MiB: there is no space left
// on the device. Files of the write-ahead log are just as long as that, tables are not.
void fill_disk() {
  std::array<sock_filter, 7> code = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwritev, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[3])),  // where to
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 16 * 1024 * 1024, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
  }};
  sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    _exit(125);
  }
}

pid_t start_program(std::vector<std::string> words, const std::string& log,
                    Disk disk = Disk::kUsual) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int out = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0666);
  dup2(out, 1);
  dup2(out, 2);
  const int none = open("/dev/null", O_RDONLY);
  dup2(none, 0);
  setpgid(0, 0);
  become_nobody_special();
  prctl(PR_SET_PDEATHSIG, SIGQUIT);  // a test that aborts leaves no server behind
  if (disk == Disk::kFull) fill_disk();
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

int status_of(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

PostgresServer::PostgresServer(const std::vector<std::string>& settings) : port_(free_port()) {
  const std::string log = directory_.path() + "/log";
  if (geteuid() == 0) {
    const passwd* user = getpwnam("postgres");
    if (user == nullptr) give_up("there is no user postgres", log);
    [[maybe_unused]] const int owned = chown(directory_.path().c_str(), user->pw_uid, user->pw_gid);
  }
  std::ofstream(log) << "";
  std::filesystem::permissions(log, std::filesystem::perms::all);
  const std::string data = directory_.path() + "/data";
  if (status_of(start_program({kPrograms + "initdb", "-D", data, "-U", "admin", "--auth=trust",
                               "--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C"},
                              log)) != 0) {
    give_up("initdb failed", log);
  }
  std::ofstream(data + "/postgresql.conf", std::ios::app)
      << "listen_addresses = '127.0.0.1'\nport = " << port_
      << "\nunix_socket_directories = ''\nmax_connections = 60\nshared_buffers = 32MB\n";
  std::ofstream conf(data + "/postgresql.conf", std::ios::app);
  for (const std::string& line : settings) conf << line << "\n";
  conf.close();
  std::ofstream(data + "/pg_hba.conf")
      << "host all admin 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
         "host replication admin 127.0.0.1/32 trust\n";
  start();
  run("postgres", "CREATE ROLE interlock LOGIN PASSWORD 'secret'");
}

PostgresServer::~PostgresServer() {
  if (pid_ > 0) kill();
}

void PostgresServer::start(Disk disk) {
  const std::string log = directory_.path() + "/log";
  pid_ = start_program({kPrograms + "postgres", "-D", directory_.path() + "/data"}, log, disk);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (PQping(url("postgres", "admin", "").c_str()) != PQPING_OK) {
    if (std::chrono::steady_clock::now() > deadline) give_up("it does not start", log);
    poll(nullptr, 0, 50);  // ms
  }
}

// Each backend is in a session of its own.
void PostgresServer::signal_all(int signal) const {
  ::kill(pid_, signal);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    std::string name, state;
    pid_t parent = 0;
    if (pid > 0 && std::ifstream(entry.path() / "stat") >> parent >> name >> state >> parent &&
        parent == pid_) {
      ::kill(pid, signal);
    }
  }
}

void PostgresServer::kill() {
  signal_all(SIGKILL);
  status_of(pid_);
  pid_ = -1;
}

void PostgresServer::stop() {
  ::kill(pid_, SIGINT);  // fast shutdown
  status_of(pid_);
  pid_ = -1;
}

void PostgresServer::pause() { signal_all(SIGSTOP); }
void PostgresServer::resume() { signal_all(SIGCONT); }

std::string PostgresServer::url(const std::string& database, const std::string& user,
                                const std::string& password) const {
  return "postgres://" + user + ":" + password + "@127.0.0.1:" + std::to_string(port_) + "/" +
         database;
}

std::string PostgresServer::make_database() {
  const std::string name = "interlock_" + std::to_string(++databases_);
  run("postgres", "CREATE DATABASE " + name + " OWNER interlock");
  return name;
}

std::string PostgresServer::run(const std::string& database, const std::string& sql) const {
  PGconn* connection = PQconnectdb(url(database, "admin", "").c_str());
  PGresult* result = PQexec(connection, sql.c_str());
  const auto status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    give_up(sql + ": " + PQerrorMessage(connection), directory_.path() + "/log");
  }
  std::string value = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
  PQclear(result);
  PQfinish(connection);
  return value;
}

}  // namespace interlock
