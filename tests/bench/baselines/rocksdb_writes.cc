// What RocksDB itself takes: one thread that writes records in groups and syncs each group.
//
//   bench_rocksdb FOLDER KEYS BYTES GROUP
//
// For each line of its input, a number of records, prints one JSON object. The folder is created,
// and stays.
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/write_batch.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

namespace {

void must(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "bench_rocksdb: %s\n", status.ToString().c_str());
  std::exit(1);
}

void write(rocksdb::DB& db, std::size_t count, std::size_t keys, const std::string& record,
           std::size_t group) {
  rocksdb::WriteOptions options;
  options.sync = true;
  rocksdb::WriteBatch batch;
  for (std::size_t i = 0; i < count; ++i) {
    must(batch.Put(fmt::format("rc/user.bench.{:07}:session", i % keys), record));
    if ((i + 1) % group != 0 && i + 1 != count) continue;
    must(db.Write(options, &batch));
    batch.Clear();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "bench_rocksdb: a folder, keys, bytes of a record, records a group\n");
    return 2;
  }
  const auto number = [&](int place) { return std::strtoull(argv[place], nullptr, 10); };
  rocksdb::Options options;
  options.create_if_missing = true;
  // As our store has it: see rocksdb_options in coordinator/store/rocksdb.
  options.write_buffer_size = 16 * 1024 * 1024;
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  rocksdb::DB* opened = nullptr;
  must(rocksdb::DB::Open(options, argv[1], &opened));
  const std::unique_ptr<rocksdb::DB> db(opened);
  const std::string record(number(3), 'x');
  std::cout << "{\"ready\":true}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t count = std::strtoull(line.c_str(), nullptr, 10);
    const auto began = std::chrono::steady_clock::now();
    write(*db, count, number(2), record, number(4));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::cout << fmt::format("{{\"per_s\":{:.0f}}}", static_cast<double>(count) / took.count())
              << std::endl;
  }
  return 0;
}
