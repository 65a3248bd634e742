#!/usr/bin/python3
"""The house rules, as a test.

    tidy_test.py FOLDER_OF_THE_PROJECT

Prints `file:line: rule: what is wrong` for each breach, and `note:` for what has outgrown its
guide size; fails when there is a breach. tidy_selftest.py shows each rule what it must catch.
"""

import os
import re
import sys
from collections import namedtuple

import cpp_text

Problem = namedtuple("Problem", "path line rule text")

# Every rule there is; tidy_selftest.py has something bad for each.
RULES = ("layers", "pure-authority", "pure-gateway", "beast", "mutex", "co_await", "sleep", "todo",
         "line-length", "file-length")

LINE_MAX = 100
FILE_LINES_MAX = 600
HEADER_LINES_GUIDE = 130
SOURCE_LINES_GUIDE = 300
FUNCTION_LINES_GUIDE = 60

FOLDERS = (".ci", "common", "coordinator", "deploy", "gateway", "proto", "tests")
SKIPPED_FOLDERS = ("__pycache__", "node_modules")
TEXT_ENDINGS = (".cc .cmake .css .h .html .js .json .md .mjs .proto .py .sh .ts .txt .yaml .yml"
                .split())
GENERATED = re.compile(r"\.pb\.(h|cc)$|(^|/)package-lock\.json$|_pb2(_grpc)?\.py$")

PURE_GATEWAY = (r"gateway/(session(_types|_setup|_traffic|_hold)?|frames(_parse)?|replay|lease|close_code"
                r"|attachment(_received|_limits|_hold)?|breaker|message_queue|transient_queue"
                r"|held_generations(_stream)?|waiting_claims|stream_schedule|event_credit"
                r"|upgrade(_query)?|http_(request|answer|problem)|json_members|api_(request|answer)"
                r"|webhook_(event|answer)|frame_(reader|head)|utf8_check)\.(h|cc)$")
# The shapes themselves: what a bad compiler gets wrong.
AWAIT_EXEMPT = re.compile(r"tests/compiler/")
TODO_EXEMPT = re.compile(r"tests/tidy/")


class Source:
    """One C++ file: its text, its code (no comments, empty strings) and its includes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.code = cpp_text.blank(text)
        self.includes = cpp_text.includes(text)

    def matches(self, rule, pattern, text):
        """A problem for each place in the code where the pattern is found."""
        for match in re.finditer(pattern, self.code):
            line = cpp_text.line_of(self.code, match.start())
            yield Problem(self.path, line, rule, f"{match.group(0).strip()}: {text}")


# --- Layers --------------------------------------------------------------------------------------

Layer = namedtuple("Layer", "rule files forbidden why")

LAYERS = [
    Layer("layers", r"gateway/", r"coordinator/",
          "the gateway knows the coordinator through proto/ only"),
    Layer("layers", r"coordinator/", r"gateway/",
          "the coordinator knows gateways through proto/ only"),
    Layer("layers", r"common/", r"(gateway|coordinator)/", "common/ knows neither service"),
    Layer("pure-authority", r"coordinator/authority/",
          r"(boost|asio|grpc|grpcpp|google|absl|interlock/v1|spdlog|prometheus|rocksdb|openssl)/"
          r"|asio\.hpp$|(thread|jthread|stop_token|mutex|shared_mutex|condition_variable|future"
          r"|semaphore|latch|barrier|atomic|chrono|ctime|time\.h|sys/time\.h|random|iostream"
          r"|fstream)$",
          "the authority decides: no I/O, clock, thread, log, randomness or generated code"),
    Layer("pure-gateway", PURE_GATEWAY,
          r"boost/(asio|beast)|asio(/|\.hpp$)|grpc(pp)?/|.*\.grpc\.pb\.h$",
          "what a session does is decided without I/O"),
]


def check_layers(sources):
    """No file may include, itself or through our own headers, what its layer forbids."""
    for layer in LAYERS:
        governed = {path for path in sources if re.match(layer.files, path)}
        for path in sorted(governed):
            for line, chain in forbidden_chains(sources, path, layer, governed):
                yield Problem(path, line, layer.rule, f"includes {' > '.join(chain)}: {layer.why}")


def forbidden_chains(sources, path, layer, governed):
    """(line, names) of each way by which the file comes to a forbidden header."""
    for line, name in sources[path].includes:
        chains = [[name]]
        seen = {name}
        while chains:
            chain = chains.pop()
            last = chain[-1]
            if re.match(layer.forbidden, last):
                yield line, chain
            elif last in sources and last not in governed:  # governed ones answer for themselves
                for _, further in sources[last].includes:
                    if further not in seen:
                        seen.add(further)
                        chains.append(chain + [further])


BEAST_ALLOWED = (r"(gateway/websocket|gateway/listener\w*|common/http_server|tests/support/\w+"
                 r"|coordinator/ctl/(websocket_client|console/server)|tests/bench/baselines/beast_\w+)"
                 r"\.cc$")


def check_beast(sources):
    for path, source in sources.items():
        if re.match(BEAST_ALLOWED, path):
            continue
        for line, name in source.includes:
            if name.startswith("boost/beast"):
                yield Problem(path, line, "beast", f"includes {name}: it takes 20 s to compile, so "
                              "it stays in gateway/websocket.cc and the HTTP files")


NO_MUTEX = re.compile(r"coordinator/authority/"
                      r"|coordinator/engine/engine(?!_thread\.)\w*\.(h|cc)$|" + PURE_GATEWAY)


def check_mutex(sources):
    for path, source in sources.items():
        if NO_MUTEX.match(path):
            yield from source.matches(
                "mutex",
                r"\bstd::(\w*mutex|\w+_lock|lock_guard|condition_variable\w*)\b"
                r"|\babsl::\w*Mutex\w*",
                "one thread owns this; others post to it")


# --- co_await ------------------------------------------------------------------------------------

EXECUTOR = re.compile(r"co_await\s+(?:\w+::)*this_coro::\w+")
CONDITION_BEFORE = re.compile(r"\b(if|for|while|switch)\s*(constexpr\s*)?$")
CONTROL = re.compile(r"(if|for|while|switch)\s*(constexpr\s*)?(?=\()")
MARK = re.compile(r"(else|do)\b|case\b(?:[^:]|::)+:(?!:)|default\s*:|\[\[\w+\]\]")


def check_co_await(sources):
    """co_await is a whole statement, so that no temporary lives across it (g++ 12 miscompiles
    those) and the reader sees where a session waits."""
    for path, source in sources.items():
        if AWAIT_EXEMPT.match(path) or "co_await" not in source.code:
            continue
        by_line = {}
        for offset, text in cpp_text.directives(source.code):
            if "co_await" in text:
                by_line[cpp_text.line_of(source.code, offset)] = "inside a macro"
        code = cpp_text.blank_directives(source.code)
        for match in re.finditer(r"\bco_await\b", code):
            wrong = await_problem(code, match.start())
            if wrong:
                by_line.setdefault(cpp_text.line_of(code, match.start()), wrong)
        for line, wrong in sorted(by_line.items()):
            yield Problem(path, line, "co_await", f"co_await {wrong}: name its parts first, so "
                          "that it is `co_await e;`, `x = co_await e;` or `co_return co_await e;`")


def await_problem(code, offset):
    """What is wrong with the co_await at the offset; None when nothing is."""
    executor = EXECUTOR.match(code, offset)
    opener, begin = cpp_text.opener_before(code, offset)
    if opener in ("(", "[") and not executor:
        return "inside a larger expression"
    if opener in ("(", "["):  # f(co_await this_coro::executor): harmless, but not everywhere
        while opener in ("(", "["):
            if opener == "[" or CONDITION_BEFORE.search(code[:begin - 1]):
                return "inside a condition or a capture"
            opener, begin = cpp_text.opener_before(code, begin - 1)
        return None if cpp_text.end_of_statement(code, begin) else "inside braces"
    if not whole_statement(code[begin:offset]):
        return "is not the whole right side of its statement"
    end = cpp_text.end_of_statement(code, offset)
    if end is None:
        return "inside braces"
    awaited = EXECUTOR.sub("", code[offset + len("co_await"):end])
    if executor and awaited.strip():
        awaited = code[executor.end():end]
    for pattern, wrong in ((r"[{}]", "on an expression with braces or a lambda"),
                           (r"\?", "on a choice with ?:"),
                           (r"&&|\|\|", "on an expression with && or ||"),
                           (r"\bco_await\b", "on an expression with another co_await")):
        if re.search(pattern, awaited):
            return wrong
    return None


def whole_statement(head):
    """Whether what stands before co_await leaves it the whole of a statement or of its value."""
    head = head.strip()
    while True:
        control, mark = CONTROL.match(head), MARK.match(head)
        if control:
            head = head[cpp_text.behind_brackets(head, control.end()):].strip()
        elif mark:
            head = head[mark.end():].strip()
        else:
            break
    if head in ("", "co_return"):
        return True
    flat = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", head)
    return bool(re.search(r"[^=!<>+\-*/%&|^]=$", flat)) and flat.count("=") == 1 and "?" not in flat


# --- Small things --------------------------------------------------------------------------------


def check_sleep(sources):
    for source in sources.values():
        yield from source.matches(
            "sleep", r"\b(sleep_for|sleep_until|usleep|nanosleep)\b|\bsleep\s*\(",
            "wait for what must happen, with a deadline")


def check_todo(texts):
    for path, text in texts.items():
        if TODO_EXEMPT.match(path):
            continue
        for match in re.finditer(r"\b(TODO|FIXME|XXX)\b(?!\([^()\s][^()]*\))", text):
            yield Problem(path, cpp_text.line_of(text, match.start()), "todo",
                          f"{match.group(0)} without a reason in parentheses")


def check_lengths(sources):
    for path, source in sources.items():
        lines = source.text.splitlines()
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_MAX:
                yield Problem(path, number, "line-length",
                              f"{len(line)} columns; {LINE_MAX} at most")
        if len(lines) > FILE_LINES_MAX:
            yield Problem(path, len(lines), "file-length",
                          f"{len(lines)} lines; {FILE_LINES_MAX} at most: cut it by operation")


SOURCE_RULES = (check_layers, check_beast, check_mutex, check_co_await, check_sleep, check_lengths)
TEXT_RULES = (check_todo,)


def notes(sources):
    """What has outgrown its guide size, as sentences."""
    for path, source in sorted(sources.items()):
        lines = source.text.count("\n")
        guide = HEADER_LINES_GUIDE if path.endswith(".h") else SOURCE_LINES_GUIDE
        if lines > guide:
            yield f"{path}: {lines} lines; the guide is {guide}"
        for name, line, length in cpp_text.functions(source.code):
            if length > FUNCTION_LINES_GUIDE:
                yield (f"{path}:{line}: {name} has {length} lines; "
                       f"the guide is {FUNCTION_LINES_GUIDE}")


# --- All of it -----------------------------------------------------------------------------------


def sources_of(texts):
    return {path: Source(path, text) for path, text in texts.items()
            if path.endswith((".h", ".cc"))}


def check(texts):
    """All problems of a project given as {path: text}."""
    sources = sources_of(texts)
    problems = [problem for rule in SOURCE_RULES for problem in rule(sources)]
    problems += [problem for rule in TEXT_RULES for problem in rule(texts)]
    assert all(problem.rule in RULES for problem in problems)
    return sorted(problems)


def read_project(root):
    """{path below root: text} of every file that the rules are about."""
    texts = {}
    paths = [name for name in os.listdir(root) if os.path.isfile(os.path.join(root, name))]
    for top in FOLDERS:
        for folder, subfolders, names in os.walk(os.path.join(root, top)):
            subfolders[:] = [name for name in subfolders if name not in SKIPPED_FOLDERS]
            paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    for path in paths:
        ours = path.startswith(".ci/") or os.path.splitext(path)[1] in TEXT_ENDINGS
        if ours and not GENERATED.search(path):
            with open(os.path.join(root, path), encoding="utf-8") as file:
                texts[path] = file.read()
    return texts


def count(name, value):
    """One line for the summary that tests/run.sh prints."""
    path = os.environ.get("INTERLOCK_COUNTS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{name} {value}\n")


def main(root):
    texts = read_project(root)
    sources = sources_of(texts)
    if not sources:
        sys.exit(f"tidy: there is no C++ below {root}; a test of nothing has not passed.")
    for note in notes(sources):
        print(f"note: {note}")
    problems = check(texts)
    for problem in problems:
        print(f"{problem.path}:{problem.line}: {problem.rule}: {problem.text}")
    count("checked.tidy.files", len(texts))
    print(f"tidy: {len(texts)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: tidy_test.py FOLDER_OF_THE_PROJECT")
    sys.exit(main(sys.argv[1]))
