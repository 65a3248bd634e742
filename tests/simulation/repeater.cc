#include "tests/simulation/repeater.h"

#include "coordinator/service/translate.h"

namespace interlock::sim {
namespace {

constexpr std::size_t kKeptMax = 40;

}  // namespace

void Repeater::keep(const v1::AttachRequest& message) {
  const auto take = [this](const std::string& key, auto checked) {
    using Wanted = std::variant_alternative_t<0, decltype(checked)>;
    if (auto* command = std::get_if<Wanted>(&checked)) repeat(key, std::move(*command));
  };
  if (run_.calm || run_.swarm.probability(Fault::kRepeated) == 0) return;
  for (const auto& one : message.claims()) take(one.key(), from_proto(one));
  for (const auto& one : message.abandons()) take(one.key(), from_proto(one));
  for (const auto& one : message.operations()) take(one.key(), from_proto(one));
  for (const auto& one : message.acknowledgements()) take(one.key(), from_proto(one));
}

void Repeater::repeat(const std::string& key, Command command) {
  kept_.emplace_back(key, std::move(command));
  if (kept_.size() > kKeptMax) kept_.pop_front();
  while (run_.happens(Fault::kRepeated)) {
    auto what = kept_.back();
    if (run_.happens(Fault::kReordered)) what = kept_[run_.dice.below(kept_.size())];
    run_.time.after(run_.dice.spread(100, 20'000'000), [this, what = std::move(what)] {
      if (run_.calm) return;
      run_.line("once more: something about {}", what.first);
      network_.call(run_.dice.below(coordinators_), what.first, what.second,
                    [](const Answer&, Revision) {});
    });
  }
}

}  // namespace interlock::sim
