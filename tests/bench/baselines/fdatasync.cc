// What this disk makes a durable commit wait for: the time of one fdatasync behind a small append.
//
//   bench_fdatasync FILE COUNT
//
// Prints one JSON object, in microseconds. The file is removed.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kAppendBytes = 512;

double now_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

int failed(const char* what) {
  std::perror(what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (count == 0) {
    std::fprintf(stderr, "bench_fdatasync: a file and a count of at least 1\n");
    return 2;
  }
  const int file = open(argv[1], O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return failed(argv[1]);
  unlink(argv[1]);
  const std::string bytes(kAppendBytes, 'x');
  std::vector<double> took_us;
  took_us.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      return failed("write");
    }
    const double began_us = now_us();
    if (fdatasync(file) != 0) return failed("fdatasync");
    took_us.push_back(now_us() - began_us);
  }
  std::ranges::sort(took_us);
  std::printf("{\"count\":%zu,\"p50_us\":%.0f,\"p99_us\":%.0f}\n", count, took_us[count / 2],
              took_us[count * 99 / 100]);
  return 0;
}
