// A coordinator without its network, in a process that kills itself.
//
//   crash_coordinator FOLDER DIARY LIFE ANSWERS SYNCS_LIE [FAILPOINT HIT]
//
// Opens the store FOLDER/db and works until so many answers have left the engine. Ends with 0 then,
// with 3 when the store could not be opened, with 4 when the engine could not go on.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "coordinator/engine/engine_thread.h"
#include "coordinator/store/rocksdb_store.h"
#include "tests/crash/asker.h"
#include "tests/crash/black_box.h"
#include "tests/crash/mortal_file_system.h"
#include "tests/crash/witnessed_store.h"

namespace interlock {
namespace {

constexpr unsigned kPatienceS = 60;  // who hangs is ended by SIGALRM, which is not SIGKILL

class Deadly final : public EngineObserver {
 public:
  void fatal(const std::string& reason) override {
    std::fprintf(stderr, "The engine cannot go on: %s\n", reason.c_str());
    _exit(4);
  }
};

int live(const std::string& folder, BlackBox& box, std::uint64_t life, std::uint64_t answers,
         bool syncs_lie) {
  RocksdbOptions options;
  options.write_buffer_bytes = 64 * 1024;  // so that there are flushes and compactions
  options.file_system = std::make_shared<MortalFileSystem>(box, folder, syncs_lie);
  box.reach_alone("store.open.before");
  auto store = RocksdbStore::open(folder + "/db", options);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", std::string(store.status().message()).c_str());
    return 3;
  }
  {
    BlackBox::Hold hold(box);
    hold.note({"opened"});
    hold.reach("store.open.after");
  }
  Deadly observer;
  std::mt19937_64 random(life);
  EngineThread engine(
      std::make_unique<WitnessedStore>(*std::move(store), box), {},
      [&random] { return std::uniform_real_distribution<>()(random); }, observer);
  Asker asker(engine, box, life);
  engine.start();
  asker.work(answers);
  engine.stop();
  return 0;
}

}  // namespace
}  // namespace interlock

int main(int argc, char** argv) {
  using namespace interlock;
  if (argc != 6 && argc != 8) {
    std::fprintf(stderr, "crash_coordinator: 5 or 7 arguments\n");
    return 2;
  }
  alarm(kPatienceS);
  DeathSentence sentence;
  if (argc == 8) sentence = {argv[6], number(argv[7])};
  BlackBox box(argv[2], sentence);
  return live(argv[1], box, number(argv[3]), number(argv[4]), std::string(argv[5]) == "1");
}
