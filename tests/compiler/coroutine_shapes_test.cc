// Does this compiler translate coroutines correctly?
//
// Each test is a shape of ordinary code that g++ 12.2 miscompiles without a word: bodies that never
// run, temporaries that are copied bit by bit and destroyed twice. Our own code avoids all of them
// (tests/tidy); this is how a compiler that still has the defect is recognised before it is
// trusted.
#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace interlock {
namespace {

// A lazy coroutine: runs when it is awaited, and resumes its awaiter at its end.
template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::coroutine_handle<> awaiter = std::noop_coroutine();
    std::optional<T> value;

    struct Resume {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
        return self.promise().awaiter;
      }
      void await_resume() noexcept {}
    };
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    Resume final_suspend() noexcept { return {}; }
    void return_value(T result) { value.emplace(std::move(result)); }
    void unhandled_exception() { std::terminate(); }
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) {
    handle_.promise().awaiter = awaiter;
    return handle_;
  }
  T await_resume() { return std::move(*handle_.promise().value); }

  // Runs it from outside any coroutine. Nothing when it did not come to its end.
  std::optional<T> run() {
    handle_.resume();
    return std::move(handle_.promise().value);
  }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

// Knows every address at which an instance lives, and so notices one that was never constructed.
class Counted {
 public:
  explicit Counted(int number) : number_(number) { alive().insert(this); }
  Counted(const Counted& other) : number_(other.number_) { alive().insert(this); }
  Counted(Counted&& other) noexcept : number_(other.number_) { alive().insert(this); }
  Counted& operator=(const Counted&) = default;
  ~Counted() {
    if (alive().erase(this) == 0) ++strangers_destroyed;
  }

  int number() const { return number_; }

  static std::set<const Counted*>& alive() {
    static std::set<const Counted*> instances;
    return instances;
  }
  static inline int strangers_destroyed = 0;

 private:
  int number_;
};

struct Aggregate {
  Counted first;
  Counted second;

  Task<int> sum() const { return sum_of(first.number(), second.number()); }
  static Task<int> sum_of(int a, int b) { co_return a + b; }
};

struct CountedAndNumber {
  Counted counted;
  int number;
};

Task<bool> answer(bool value) { co_return value; }
Task<int> number(int value) { co_return value; }
Task<Counted> make(int value) { co_return Counted(value); }
Task<int> sum(Aggregate pair) { co_return pair.first.number() + pair.second.number(); }
template <class Function>
Task<int> call(Function function) {
  co_return function();
}
Task<int> call_any(std::function<int()> function) { co_return function(); }
template <class Function>
Task<int> call_coroutine(Function function) {
  const int result = co_await function();
  co_return result;
}

class CoroutineShapes : public ::testing::Test {
 protected:
  void SetUp() override {
    Counted::alive().clear();
    Counted::strangers_destroyed = 0;
  }
  void TearDown() override {
    EXPECT_EQ(Counted::strangers_destroyed, 0) << "destroyed what was never constructed";
    EXPECT_EQ(Counted::alive().size(), 0U) << "never destroyed what was constructed";
  }
};

// Conditions, in coroutines whose outermost block has no variable.

Task<int> if_awaited(bool value) {
  if (co_await answer(value)) co_return 1;
  co_return 2;
}
Task<int> if_not_awaited(bool value) {
  if (!co_await answer(value)) co_return 1;
  co_return 2;
}
Task<int> while_awaited(int* rounds) {
  while (co_await answer(*rounds < 3)) {
    ++*rounds;
  }
  co_return *rounds;
}
Task<int> if_equal(int value) {
  if (co_await number(value) == 7) co_return 1;
  co_return 2;
}
Task<int> if_both(bool left, bool right) {
  if (co_await answer(left) && co_await answer(right)) co_return 1;
  co_return 2;
}

TEST_F(CoroutineShapes, AnAwaitedConditionDecidesWhichBranchRuns) {
  EXPECT_EQ(if_awaited(true).run(), 1);
  EXPECT_EQ(if_awaited(false).run(), 2);
  EXPECT_EQ(if_not_awaited(false).run(), 1);
  EXPECT_EQ(if_not_awaited(true).run(), 2);
}

TEST_F(CoroutineShapes, AnAwaitedLoopConditionIsAskedEveryRound) {
  int rounds = 0;
  EXPECT_EQ(while_awaited(&rounds).run(), 3);
  EXPECT_EQ(rounds, 3);
}

TEST_F(CoroutineShapes, AwaitedOperandsAreComparedAndCombined) {
  EXPECT_EQ(if_equal(7).run(), 1);
  EXPECT_EQ(if_equal(8).run(), 2);
  EXPECT_EQ(if_both(true, true).run(), 1);
  EXPECT_EQ(if_both(true, false).run(), 2);
}

// Temporaries in an awaited expression.

Task<int> aggregate_argument() { co_return co_await sum(Aggregate{Counted(1), Counted(2)}); }
Task<int> designated_argument() {
  co_return co_await sum({.first = Counted(3), .second = Counted(4)});
}
Task<int> aggregate_object() { co_return co_await Aggregate{Counted(5), Counted(6)}.sum(); }

TEST_F(CoroutineShapes, AnAggregateTemporaryIsDestroyedOnce) {
  EXPECT_EQ(aggregate_argument().run(), 3);
  EXPECT_EQ(designated_argument().run(), 7);
  EXPECT_EQ(aggregate_object().run(), 11);
}

Task<int> capturing_lambda() {
  Counted counted(8);
  co_return co_await call([counted] { return counted.number(); });
}
Task<int> capturing_function() {
  Counted counted(9);
  co_return co_await call_any([counted] { return counted.number(); });
}
Task<int> capturing_coroutine() {
  Counted counted(10);
  // The closure lives until it has been awaited.
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines)
  co_return co_await call_coroutine([counted]() -> Task<int> { co_return counted.number(); });
}

TEST_F(CoroutineShapes, ACapturingLambdaIsDestroyedOnce) {
  EXPECT_EQ(capturing_lambda().run(), 8);
  EXPECT_EQ(capturing_function().run(), 9);
  EXPECT_EQ(capturing_coroutine().run(), 10);
}

// Awaited values inside an initializer.

Task<int> aggregate_of_awaited() {
  CountedAndNumber both{co_await make(11), 1};
  co_return both.counted.number() + both.number;
}
Task<int> pushed_aggregate_of_awaited() {
  std::vector<CountedAndNumber> all;
  all.push_back(CountedAndNumber{co_await make(12), 1});
  co_return all.front().counted.number();
}

TEST_F(CoroutineShapes, AnAggregateOfAwaitedValuesIsDestroyedOnce) {
  EXPECT_EQ(aggregate_of_awaited().run(), 12);
  EXPECT_EQ(pushed_aggregate_of_awaited().run(), 12);
}

Task<int> either_awaited(bool left) {
  Counted counted = left ? co_await make(13) : co_await make(14);
  co_return counted.number();
}
Task<int> awaited_either(bool left) {
  Counted counted = co_await (left ? make(15) : make(16));
  co_return counted.number();
}

TEST_F(CoroutineShapes, AChoiceBetweenAwaitedValuesIsDestroyedOnce) {
  EXPECT_EQ(either_awaited(true).run(), 13);
  EXPECT_EQ(either_awaited(false).run(), 14);
}

TEST_F(CoroutineShapes, AChoiceBetweenTasksCanBeAwaited) {
  EXPECT_EQ(awaited_either(true).run(), 15);
  EXPECT_EQ(awaited_either(false).run(), 16);
}

// g++ 12 does not even compile these ("array used as initializer").
#if defined(__clang__) || __GNUC__ >= 13
Task<int> sum_all(std::vector<Counted> all) {
  int total = 0;
  for (const Counted& one : all) total += one.number();
  co_return total;
}
Task<int> sum_named(std::vector<std::pair<std::string, Counted>> all) {
  int total = 0;
  for (const auto& [name, one] : all) total += one.number() * static_cast<int>(name.size());
  co_return total;
}
Task<int> braced_list() { co_return co_await sum_all({Counted(17), Counted(18)}); }
Task<int> braced_pairs() {
  co_return co_await sum_named({{"a", Counted(19)}, {"bc", Counted(20)}});
}

TEST_F(CoroutineShapes, ABracedListInAnAwaitedCallIsDestroyedOnce) {
  EXPECT_EQ(braced_list().run(), 35);
  EXPECT_EQ(braced_pairs().run(), 59);
}
#else
TEST_F(CoroutineShapes, ABracedListInAnAwaitedCallIsDestroyedOnce) {
  FAIL() << "this compiler rejects a braced list in an awaited call";
}
#endif

}  // namespace
}  // namespace interlock
