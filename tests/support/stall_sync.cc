// Runs a program whose disk can be made to stall.
//
//   stall_sync FILE PROGRAM [ARGUMENT...]
//
// While FILE exists, fsync, fdatasync and sync_file_range of the program, and of all that it
// starts, wait; then they are done as they were asked. FILE may hold a number: then each waits so
// many milliseconds instead. Ends with the program, and ends it when it is ended itself.
//
// The kernel asks about these calls by a seccomp listener (seccomp_unotify(2)), which works for
// statically linked programs too and needs no rights.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLookEveryMs = 5;
pid_t child = -1;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

// Asks the listener about the three calls, and lets everything else pass.
int install_filter() {
  std::array<sock_filter, 6> code = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fdatasync, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sync_file_range, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
  }};
  sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up("no_new_privs");
  const long listener =
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (listener < 0) give_up("seccomp");
  return static_cast<int>(listener);
}

void send_descriptor(int socket, int descriptor) {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  if (sendmsg(socket, &message, 0) < 0) give_up("sendmsg");
}

int receive_descriptor(int socket) {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  if (recvmsg(socket, &message, 0) <= 0) return -1;  // the program could not be prepared
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
  return descriptor;
}

// Nothing: no stall. Zero: for as long as the file is there.
std::optional<std::chrono::milliseconds> stall(const char* path) {
  std::ifstream file(path);
  if (!file.is_open()) return std::nullopt;
  long milliseconds = 0;
  file >> milliseconds;
  return std::chrono::milliseconds(milliseconds);
}

class Listener {
 public:
  Listener(int descriptor, const char* path) : descriptor_(descriptor), path_(path) {}

  void run() {
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
      pollfd ready{descriptor_, POLLIN, 0};
      if (poll(&ready, 1, waiting_.empty() ? 50 : kLookEveryMs) > 0) {
        if ((ready.revents & POLLIN) != 0) receive();
        if ((ready.revents & POLLHUP) != 0) poll(nullptr, 0, kLookEveryMs);
      }
      answer();
    }
    std::_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }

 private:
  void receive() {
    seccomp_notif asked{};
    if (ioctl(descriptor_, SECCOMP_IOCTL_NOTIF_RECV, &asked) == 0) {
      waiting_.emplace(asked.id, Clock::now());
    }
  }

  void answer() {
    const auto how_long = stall(path_);
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      const bool waits =
          how_long && (how_long->count() == 0 || Clock::now() < it->second + *how_long);
      if (waits) {
        ++it;
        continue;
      }
      seccomp_notif_resp answer{};
      answer.id = it->first;
      answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      // Who asked may be gone by now.
      (void)ioctl(descriptor_, SECCOMP_IOCTL_NOTIF_SEND, &answer);
      it = waiting_.erase(it);
    }
  }

  const int descriptor_;
  const char* const path_;
  std::map<std::uint64_t, Clock::time_point> waiting_;
};

void pass_on(int signal) { kill(child, signal); }

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: stall_sync FILE PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  std::array<int, 2> sockets{};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.data()) != 0) give_up("socketpair");
  child = fork();
  if (child < 0) give_up("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int listener = install_filter();
    send_descriptor(sockets[1], listener);
    close(listener);
    close(sockets[0]);
    close(sockets[1]);
    execvp(argv[2], argv + 2);
    give_up(argv[2]);
  }
  close(sockets[1]);
  for (int signal : {SIGTERM, SIGINT, SIGQUIT}) {
    struct sigaction action{};
    action.sa_handler = pass_on;
    sigaction(signal, &action, nullptr);
  }
  const int listener = receive_descriptor(sockets[0]);
  if (listener < 0) {
    waitpid(child, nullptr, 0);
    return 1;
  }
  Listener(listener, argv[1]).run();
}
