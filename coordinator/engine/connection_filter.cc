#include "coordinator/engine/connection_filter.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "interlock/v1/connection.pb.h"

namespace interlock {
namespace {

enum class Kind : std::uint8_t { kText, kState, kReason, kDuration, kCount, kFlag };

absl::string_view view(std::string_view text) { return {text.data(), text.size()}; }

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '*' || c == '@' || c == '/' || c == ':' || c == '%' ||
         c == '~';
}
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

template <class Number>
bool compares(Number left, int comparison, Number right) {
  const std::array<bool, 6> answers = {left == right, left != right,
                                       left<right, left <= right, left> right, left >= right};
  return answers[static_cast<std::size_t>(comparison)];
}

}  // namespace

struct ConnectionFilter::Vocabulary {
  struct Word {
    std::string_view name;
    Field field;
    Kind kind;
  };
  static constexpr std::array<Word, 19> kFields = {{
      {"key", Field::kKey, Kind::kText},
      {"subject", Field::kSubject, Kind::kText},
      {"gateway", Field::kGateway, Kind::kText},
      {"state", Field::kState, Kind::kState},
      {"reason", Field::kReason, Kind::kReason},
      {"age", Field::kAge, Kind::kDuration},
      {"unacknowledged", Field::kUnacknowledged, Kind::kDuration},
      {"outbox_events", Field::kOutboxEvents, Kind::kCount},
      {"outbox_bytes", Field::kOutboxBytes, Kind::kCount},
      {"open_runs", Field::kOpenRuns, Kind::kCount},
      {"generation", Field::kGeneration, Kind::kCount},
      {"transitions", Field::kTransitions, Kind::kCount},
      {"live", Field::kLive, Kind::kFlag},
      {"setup", Field::kSetup, Kind::kFlag},
      {"operational", Field::kOperational, Kind::kFlag},
      {"waiting", Field::kWaiting, Kind::kFlag},
      {"final", Field::kFinal, Kind::kFlag},
      {"orphaned", Field::kOrphaned, Kind::kFlag},
      {"attached", Field::kAttached, Kind::kFlag},
  }};
  static const Word* find(std::string_view name) {
    const auto found = std::find_if(kFields.begin(), kFields.end(),
                                    [&](const Word& word) { return word.name == name; });
    return found == kFields.end() ? nullptr : &*found;
  }
  static std::string names(bool flags) {
    std::string all;
    for (const Word& word : kFields) {
      if ((word.kind == Kind::kFlag) == flags) {
        absl::StrAppend(&all, all.empty() ? "" : ", ", view(word.name));
      }
    }
    return all;
  }
};

// Recursive descent, one function per rule of the grammar:
//
//   expression = sequence { "AND" sequence }      sequence = factor { factor }
//   factor     = term { "OR" term }               term     = [ "NOT" | "-" ] simple
//   simple     = "(" expression ")" | FLAG | FIELD COMPARISON VALUE
class ConnectionFilter::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) { advance(); }

  absl::StatusOr<ConnectionFilter> parse() {
    ConnectionFilter filter;
    if (text_.size() > kBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("a filter has at most ", kBytesMax, " bytes, this one has ", text_.size()));
    }
    if (token_.kind == Token::kEnd) return filter;
    expression(0);
    if (wrong_.empty() && token_.kind != Token::kEnd) fail("nothing more was expected");
    if (!wrong_.empty()) return absl::InvalidArgumentError(wrong_);
    filter.nodes_ = std::move(nodes_);
    return filter;
  }

 private:
  struct Token {
    enum Kind : std::uint8_t { kEnd, kWord, kQuoted, kOpen, kClose, kCompare, kMinus, kBroken };
    Kind kind = kEnd;
    std::string text;
    std::size_t at = 0;
  };

  // The first thing that is wrong is what is told.
  std::uint32_t fail(std::string_view expected) {
    if (wrong_.empty()) {
      const std::string found =
          token_.kind == Token::kEnd ? "the end" : absl::StrCat("'", token_.text, "'");
      wrong_ = absl::StrCat("at ", token_.at + 1, " (", found, "): ", view(expected));
    }
    return 0;
  }

  void advance() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    token_ = {Token::kEnd, "", at_};
    if (at_ == text_.size()) return;
    const char c = text_[at_];
    if (c == '(' || c == ')') {
      take(c == '(' ? Token::kOpen : Token::kClose, 1);
    } else if (c == '=' || c == '!' || c == '<' || c == '>') {
      const bool two = at_ + 1 < text_.size() && text_[at_ + 1] == '=' && c != '=';
      take(Token::kCompare, two ? 2 : 1);
    } else if (c == '"') {
      quoted();
    } else if (c == '-') {
      take(Token::kMinus, 1);
    } else if (is_word(c)) {
      std::size_t end = at_;
      while (end < text_.size() && is_word(text_[end])) ++end;
      take(Token::kWord, end - at_);
    } else {
      take(Token::kBroken, 1);
    }
  }
  void take(Token::Kind kind, std::size_t bytes) {
    token_.kind = kind;
    token_.text = std::string(text_.substr(at_, bytes));
    at_ += bytes;
  }
  void quoted() {
    token_.kind = Token::kQuoted;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      token_.text += text_[at_];
    }
    if (at_ == text_.size()) token_.kind = Token::kBroken;
    if (at_ < text_.size()) ++at_;
  }
  bool at_word(std::string_view word) const {
    return token_.kind == Token::kWord && token_.text == word;
  }
  bool begins_term() const {
    return token_.kind == Token::kOpen || token_.kind == Token::kMinus ||
           (token_.kind == Token::kWord && !at_word("AND") && !at_word("OR"));
  }

  std::uint32_t add(Node node) {
    nodes_.push_back(std::move(node));
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }
  std::uint32_t join(Joint joint, std::vector<std::uint32_t> members) {
    if (members.size() == 1 && joint != Joint::kNot) return members.front();
    return add(Junction{joint, std::move(members)});
  }

  std::uint32_t expression(std::size_t depth) {
    if (depth > kDepthMax) return fail("parentheses and NOT are nested too deeply");
    std::vector<std::uint32_t> members = {factor(depth)};
    while (wrong_.empty() && (at_word("AND") || begins_term())) {
      if (at_word("AND")) advance();
      members.push_back(factor(depth));
    }
    return join(Joint::kAnd, std::move(members));
  }
  std::uint32_t factor(std::size_t depth) {
    std::vector<std::uint32_t> members = {term(depth)};
    while (wrong_.empty() && at_word("OR")) {
      advance();
      members.push_back(term(depth));
    }
    return join(Joint::kOr, std::move(members));
  }
  std::uint32_t term(std::size_t depth) {
    if (token_.kind != Token::kMinus && !at_word("NOT")) return simple(depth);
    advance();
    return join(Joint::kNot, {simple(depth)});
  }
  std::uint32_t simple(std::size_t depth) {
    if (token_.kind == Token::kOpen) {
      advance();
      const std::uint32_t inner = expression(depth + 1);
      if (wrong_.empty() && token_.kind != Token::kClose) return fail("')' was expected");
      advance();
      return inner;
    }
    if (token_.kind != Token::kWord || at_word("AND") || at_word("OR") || at_word("NOT")) {
      return fail("a field, a flag, NOT or '(' was expected");
    }
    const auto* word = Vocabulary::find(token_.text);
    if (word == nullptr) {
      return fail(absl::StrCat("there is no such field; fields: ", Vocabulary::names(false),
                               "; flags: ", Vocabulary::names(true)));
    }
    if (++terms_ > kTermsMax) return fail(absl::StrCat("more than ", kTermsMax, " terms"));
    advance();
    Restriction restriction{.field = word->field};
    if (word->kind != Kind::kFlag && !compared(*word, restriction)) return 0;
    return add(std::move(restriction));
  }

  bool compared(const Vocabulary::Word& word, Restriction& restriction) {
    constexpr std::array<std::string_view, 6> kSigns = {"=", "!=", "<", "<=", ">", ">="};
    const auto sign = std::find(kSigns.begin(), kSigns.end(), token_.text);
    if (token_.kind != Token::kCompare || sign == kSigns.end()) {
      fail("one of = != < <= > >= was expected");
      return false;
    }
    const bool ordered = word.kind == Kind::kDuration || word.kind == Kind::kCount;
    if (!ordered && sign - kSigns.begin() > 1) {
      fail(absl::StrCat(view(word.name), " is compared with = or != only"));
      return false;
    }
    restriction.comparison = static_cast<Comparison>(sign - kSigns.begin());
    advance();
    if (token_.kind != Token::kWord && token_.kind != Token::kQuoted) {
      fail(
          "a value was expected; in quotes, if it has other characters than A-Z a-z 0-9 _-.@/:%~*");
      return false;
    }
    if (!value(word, restriction)) return false;
    advance();
    return true;
  }

  bool value(const Vocabulary::Word& word, Restriction& restriction) {
    std::string text = token_.text;
    switch (word.kind) {
      case Kind::kState: {
        v1::State state = v1::STATE_UNSPECIFIED;
        if (!v1::State_Parse(text, &state) || state == v1::STATE_UNSPECIFIED) {
          fail("there is no such state; `interlockctl lifecycle` shows them");
          return false;
        }
        restriction.number = state;
        return true;
      }
      case Kind::kReason: {
        v1::Reason reason = v1::REASON_UNSPECIFIED;
        if (!v1::Reason_Parse(text, &reason) || reason == v1::REASON_UNSPECIFIED) {
          fail("there is no such reason; they are written like SOCKET_LOST");
          return false;
        }
        restriction.number = reason;
        return true;
      }
      case Kind::kDuration: {
        absl::Duration duration;
        if (!absl::ParseDuration(text, &duration)) {
          fail("a duration was expected, such as 90s or 1h30m");
          return false;
        }
        restriction.number = absl::ToInt64Milliseconds(duration);
        return true;
      }
      case Kind::kCount:
        if (!absl::SimpleAtoi(text, &restriction.number) || restriction.number < 0) {
          fail("a whole number was expected");
          return false;
        }
        return true;
      default:
        restriction.prefix = !text.empty() && text.back() == '*';
        if (restriction.prefix) text.pop_back();
        restriction.text = std::move(text);
        return true;
    }
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  Token token_;
  std::size_t terms_ = 0;
  std::string wrong_;
  std::vector<Node> nodes_;
};

absl::StatusOr<ConnectionFilter> ConnectionFilter::parse(std::string_view text) {
  return Parser(text).parse();
}

bool ConnectionFilter::matches(const SeenConnection& connection, std::int64_t now_unix_ms) const {
  if (nodes_.empty()) return true;
  return holds(static_cast<std::uint32_t>(nodes_.size() - 1), connection, now_unix_ms);
}

bool ConnectionFilter::holds(std::uint32_t node, const SeenConnection& connection,
                             std::int64_t now) const {
  if (const auto* restriction = std::get_if<Restriction>(&nodes_[node])) {
    return holds(*restriction, connection, now);
  }
  const Junction& junction = std::get<Junction>(nodes_[node]);
  const auto each = [&](std::uint32_t member) { return holds(member, connection, now); };
  const auto& members = junction.members;
  switch (junction.joint) {
    case Joint::kAnd:
      return std::all_of(members.begin(), members.end(), each);
    case Joint::kOr:
      return std::any_of(members.begin(), members.end(), each);
    case Joint::kNot:
      return !each(members.front());
  }
  return false;
}

bool ConnectionFilter::holds(const Restriction& restriction, const SeenConnection& connection,
                             std::int64_t now) {
  const Record& record = connection.record;
  const State state = record.state;
  const auto text = [&](std::string_view value) {
    const bool is =
        restriction.prefix ? value.starts_with(restriction.text) : value == restriction.text;
    return is == (restriction.comparison == Comparison::kIs);
  };
  const auto number = [&](std::uint64_t value) {
    return compares<std::uint64_t>(value, static_cast<int>(restriction.comparison),
                                   static_cast<std::uint64_t>(restriction.number));
  };
  const auto time = [&](std::int64_t since) {
    return compares<std::int64_t>(now - since, static_cast<int>(restriction.comparison),
                                  restriction.number);
  };
  const bool told = !record.transitions.empty();
  switch (restriction.field) {
    case Field::kKey:
      return text(connection.key);
    case Field::kSubject:
      return text(record.subject);
    case Field::kGateway:
      return text(record.owner);
    case Field::kState:
      return number(static_cast<std::uint64_t>(state));
    case Field::kReason:
      return number(told ? static_cast<std::uint64_t>(record.transitions.back().reason) : 0);
    case Field::kAge:
      return told && time(record.transitions.back().time_unix_ms);
    case Field::kUnacknowledged:
      return number(connection.unacknowledged_ms);
    case Field::kOutboxEvents:
      return number(outbox_events(record));
    case Field::kOutboxBytes:
      return number(outbox_bytes(record));
    case Field::kOpenRuns:
      return number(open_runs(record));
    case Field::kGeneration:
      return number(record.generation);
    case Field::kTransitions:
      return number(record.transitions_total);
    case Field::kLive:
      return !is_final(state);
    case Field::kSetup:
      return is_setup(state);
    case Field::kOperational:
      return is_operational(state);
    case Field::kWaiting:
      return state == State::kReconnecting && record.owner.empty();
    case Field::kFinal:
      return is_final(state);
    case Field::kOrphaned:
      return connection.orphaned;
    case Field::kAttached:
      return connection.owner_attached;
  }
  return false;
}

std::vector<const ConnectionFilter::Restriction*> ConnectionFilter::required() const {
  std::vector<const Restriction*> all;
  if (nodes_.empty()) return all;
  if (const auto* only = std::get_if<Restriction>(&nodes_.back())) return {only};
  const auto& whole = std::get<Junction>(nodes_.back());
  if (whole.joint != Joint::kAnd) return all;
  for (const std::uint32_t member : whole.members) {
    if (const auto* one = std::get_if<Restriction>(&nodes_[member])) all.push_back(one);
  }
  return all;
}

std::string ConnectionFilter::key_prefix() const {
  std::string longest;
  for (const Restriction* one : required()) {
    if (one->field == Field::kKey && one->comparison == Comparison::kIs &&
        one->text.size() > longest.size()) {
      longest = one->text;
    }
  }
  return longest;
}

std::optional<std::string> ConnectionFilter::gateway() const {
  for (const Restriction* one : required()) {
    if (one->field == Field::kGateway && one->comparison == Comparison::kIs && !one->prefix &&
        !one->text.empty()) {
      return one->text;
    }
  }
  return std::nullopt;
}

}  // namespace interlock
