// The least that reading a store can take: a file with every key and every record in it is read,
// and a map of both is built.
//
//   bench_bare_load FILE
//
// FILE: for each record the lengths of key and record as 32 bits in this machine's order, the key,
// and the record. Prints one JSON object.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

#include "tests/bench/load/client_sockets.h"

namespace {

void must(bool fine, const char* what) {
  if (fine) return;
  std::perror(what);
  std::exit(1);
}

std::string whole(const char* path) {
  const int file = open(path, O_RDONLY);
  must(file >= 0, path);
  struct stat facts {};
  must(fstat(file, &facts) == 0, path);
  std::string bytes(static_cast<std::size_t>(facts.st_size), '\0');
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count = read(file, bytes.data() + at, bytes.size() - at);
    must(count > 0, path);
    at += static_cast<std::size_t>(count);
  }
  close(file);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  must(argc == 2, "bench_bare_load: a file");
  const std::int64_t began = interlock::bench::now_us();
  const std::string bytes = whole(argv[1]);
  boost::unordered_flat_map<std::string, std::string> map;
  for (std::size_t at = 0; at + 8 <= bytes.size();) {
    std::uint32_t lengths[2];
    std::memcpy(lengths, bytes.data() + at, sizeof lengths);
    at += sizeof lengths;
    map.try_emplace(bytes.substr(at, lengths[0]), bytes, at + lengths[0], lengths[1]);
    at += lengths[0] + lengths[1];
  }
  const auto took_us = static_cast<double>(interlock::bench::now_us() - began);
  std::cout << "{\"seconds\":" << took_us / 1e6 << ",\"records\":" << map.size()
            << ",\"bytes\":" << bytes.size() << "}" << std::endl;
  return 0;
}
