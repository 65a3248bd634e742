"""Reading C++ without a compiler: what is code, where statements begin, where functions end."""

import re

_TOKEN = re.compile(
    r"""
    //(?:\\\n|[^\n])*                                  # comment up to the end of the line
  | /\*.*?\*/                                          # comment
  | (?:u8|[uUL])?R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"   # raw string
  | (?:u8|[uUL])?"(?:\\.|[^"\\\n])*"                   # string
  | \b\d(?:'?[\w.])*                                   # number, with its separators
  | (?:u8|[uUL])?'(?:\\.|[^'\\\n])+'                   # character
    """,
    re.S | re.X,
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.M)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
_NOT_NEWLINE = re.compile(r"[^\n]")


def blank(text, strings=True):
    """The text with comments, and what strings hold, replaced by spaces: same lines, columns."""

    def replace(match):
        token = match.group(0)
        if token.startswith(("//", "/*")):
            return _NOT_NEWLINE.sub(" ", token)
        if token[0].isdigit() or not strings:
            return token
        return token[0] + _NOT_NEWLINE.sub(" ", token[1:-1]) + token[-1]

    return _TOKEN.sub(replace, text)


def blank_directives(code):
    """Without #include, #define and the like."""
    return _DIRECTIVE.sub(lambda match: _NOT_NEWLINE.sub(" ", match.group(0)), code)


def directives(code):
    """(offset, text) of every preprocessor directive."""
    return [(match.start(), match.group(0)) for match in _DIRECTIVE.finditer(code)]


def includes(text):
    """(line, name) of every #include."""
    kept = blank(text, strings=False)
    return [(line_of(kept, match.start(1)), match.group(1)) for match in _INCLUDE.finditer(kept)]


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def opener_before(code, offset):
    """What encloses or precedes the place: (character, offset behind it).

    The character is "(" or "[" when the place is inside of one, and otherwise ";", "{" or "}",
    behind which its statement begins; "" at the beginning of the text.
    """
    depth = 0
    for i in range(offset - 1, -1, -1):
        char = code[i]
        if depth == 0 and char in ";{}([":
            return char, i + 1
        if char in ")]}":
            depth += 1
        elif char in "([{":
            depth -= 1
    return "", 0


def end_of_statement(code, offset):
    """The offset of the ";" that ends the statement, or None when a bracket closes before."""
    depth = 0
    for i in range(offset, len(code)):
        char = code[i]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth < 0:
                return None
        elif char == ";" and depth == 0:
            return i
    return None


def behind_brackets(code, offset):
    """The offset behind the bracket that closes the one at `offset`."""
    depth = 0
    for i in range(offset, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
            if depth == 0:
                return i + 1
    return len(code)


_CONTROL = re.compile(r"\b(?:if|for|while|switch|catch|else|do|try)\b")
_SCOPE = re.compile(r"\b(?:namespace|class|struct|union|enum|extern)\b")
_NAME = re.compile(r"([\w:~]+(?:\s*[^\w\s(]{1,3})?)\s*\(([^()]*)")
_MEMBER_BRACE = re.compile(r"\)[^;{}]*:(?!:).*[\w>]\s*$", re.S)


def functions(code):
    """(name, first line, number of lines) of every function, by counting braces."""
    code = blank_directives(code)
    found = []
    open_blocks = []  # per open brace: (name, line) of a function, or None
    head = 0  # where the text that belongs to the next brace begins
    i = 0
    while i < len(code):
        char = code[i]
        if char == "(":
            i = behind_brackets(code, i)
            continue
        if char == "{":
            text = code[head:i]
            if _MEMBER_BRACE.search(text):  # member{value} of a constructor
                i = behind_brackets(code, i)
                continue
            inside = any(open_blocks)
            open_blocks.append(None if inside else _function_named(code, head, text))
            head = i + 1
        elif char == "}":
            block = open_blocks.pop() if open_blocks else None
            if block:
                name, line = block
                found.append((name, line, line_of(code, i) - line + 1))
            head = i + 1
        elif char == ";":
            head = i + 1
        i += 1
    return found


def _function_named(code, head, text):
    """(name, line) of the function whose signature `text` is; None for anything else."""
    match = _NAME.search(text)
    before = text[: match.start()] if match else text
    if not match or _CONTROL.match(text.strip()) or _SCOPE.search(before) or "=" in before:
        return None
    name = match.group(1).strip()
    if name.isupper() and "," in match.group(2):  # TEST(Authority, ...)
        name = f"{name}({' '.join(match.group(2).split())})"
    return name, line_of(code, head + match.start())
