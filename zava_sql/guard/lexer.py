"""PostgreSQL's scanner, for the part of its language that the guard accepts.

The canonical text is the tokens joined by one space: no comments, strings in the plain '...' form,
nothing that two scanners could split differently. Rules named in brackets are those of
src/backend/parser/scan.l, PostgreSQL 16 to 18, with standard_conforming_strings on and UTF-8, both
of which the tenant session pins.
"""

from __future__ import annotations

import re
from itertools import islice
from operator import itemgetter
from string import ascii_letters, digits
from typing import Final
from unicodedata import category

from zava_sql.guard.bad_tokens import bad_character, bad_end, bad_operator, bad_token
from zava_sql.guard.keywords import IDENTIFIER, KINDS, OPERATORS
from zava_sql.guard.limits import (
    MAX_BACKSLASHES,
    MAX_CHARACTERS,
    MAX_NAME_BYTES,
    MAX_NESTED_COMMENTS,
    MAX_TOKENS,
    Refusal,
)
from zava_sql.guard.strings import (
    cut_name,
    plain_string,
    quoted_name,
    rewritten,
    unescape,
    unescape_unicode,
    unquoted,
)

__all__ = ["BITS", "DOT", "END", "NUMBER", "OPERATOR", "PUNCTUATION", "STRING", "Tokens", "scan"]

STRING: Final = 5
BITS: Final = 6
NUMBER: Final = 7
OPERATOR: Final = 8
PUNCTUATION: Final = 9
DOT: Final = 10
END: Final = 11
LOOKAHEAD: Final = 6  # END tokens behind the last one, so that rules may look that far
_NO_KEYS: Final = [""] * LOOKAHEAD
_END_KINDS: Final = bytes([END] * LOOKAHEAD)
_REMEMBERED: Final = 4_096
_ASK_FOR_LESS: Final = (
    "Write a long list as one array: x = any ('{1,2}'::int[]), rows: unnest('{a,b}'::text[], "
    "'{1,2}'::int[]) as t (x, y) in FROM; else ask in smaller steps."
)
_Entry = tuple[str, int, str]  # key, kind, canonical text
# Forms that are canonical as they stand: their key, if it is not the text, and kind.
_SIMPLE: Final = {
    "punctuation": ("", PUNCTUATION),
    "dot": ("", DOT),
    "colon": ("", PUNCTUATION),
    "integer": ("0", NUMBER),
    "number": ("0", NUMBER),
    "bits": ("'b'", BITS),
}

# Alternatives are tried in order, while scan.l takes the longest match. So the plain forms, which
# come first because they are frequent, look at what follows; prefixed strings stand before words;
# names and numbers take every character that scan.l would give them. Operators that begin with five
# signs may be split elsewhere than in scan.l, but then into one that is not allowed. What is not a
# token takes all the rest of the text, so that a token scanned alone gives the same token. Nothing
# here can match in two ways, so it never backtracks. Only characters are repeated possessively:
# Python before 3.11.5 fails at groups that are (its issue 106052).
_SPACE: Final = r"[ \t\n\r\f\v]*+"  # [space]
_LINE: Final = r"--[^\n\r]*+"  # [comment]
_BLOCK: Final = r"/\*[^*/]*(?:(?:\*(?!/)|/(?!\*))[^*/]*)*\*/"  # [xc] without inner comments
_MORE: Final = rf"{_SPACE}(?:(?:{_LINE}|{_BLOCK}){_SPACE})*"
# The first comment is written out, so that usually one look shows that there is none.
_TRIVIA: Final = rf"{_SPACE}(?:{_LINE}{_MORE}|{_BLOCK}{_MORE}|)"
_DIGITS: Final = r"[0-9]++(?:_[0-9]++){0,500}"  # of more parts the way back would take long
_QUOTED: Final = r"'[^']*(?:''[^']*)*'(?!')"
_UESCAPE: Final = r"[uU][eE][sS][cC][aA][pP][eE](?![A-Za-z0-9_$\x80-\U0010ffff])"
_FORMS = r"""
      (?P<plain>[A-Za-z_][A-Za-z0-9_]*+(?!['$&\x80-\U0010ffff]))            # [identifier]
    | (?P<punctuation>[,()\[\];])                                           # [self]
    | (?P<dot>\.(?![.0-9])) | (?P<colon>::|:=|:)    # [self, typecast, colon_equals]
    | (?P<string><text>)                                # [xq]
    | (?P<integer>[0-9]++(?![A-Za-z0-9_$.\x80-\U0010ffff]))                 # [decinteger]
    | (?P<operator>                                 # [operator]: ends before -- and /*; a last
          [+\-*/<>=~!@\#^&|`?%](?![+\-*/<>=~!@\#^&|`?%])    # + or - stays only beside ~!@#^&|`?%
        | (?=[+\-*/<>=]{0,4}+[~!@\#^&|`?%])         # looks ahead so that long runs cost little
          (?:(?!--|/\*)[+\-*/<>=]){0,4}
          [~!@\#^&|`?%](?:[~!@\#^&|`?+*%<>=]|-(?!-)|/(?!\*))*
        | (?=[+\-]{0,4}+[*/<>=])(?:(?!--|/\*)[+\-*/<>=]){0,40}(?!--|/\*)[*/<>=]
          (?!(?:\+|-(?!-)){0,40}(?:[~!@\#^&|`?%*<>=]|/(?!\*)))   # not if more of it follows
        | [+\-] )
    | (?P<block>/\*)                                # [xcstart] of a comment with inner comments
    | (?P<quoted>"(?:[^"]|"")[^"]*(?:""[^"]*)*"(?!"))          # [xd]
    | (?P<number>(?:                                # [real, numeric, integers], [*_junk] below
          0[xX](?:_?[0-9A-Fa-f]++){1,500} | 0[oO](?:_?[0-7]++){1,500} | 0[bB](?:_?[01]++){1,500}
        | (?: <digits> (?: \.(?!\.) (?:<digits>)? )? | \.<digits> ) (?:[eE][+-]?<digits>)?
      ) (?![A-Za-z0-9_$.\x80-\U0010ffff]) )
    | (?P<bits>[bB]'[01]*+'|[xX]'[0-9A-Fa-f]*+')    # [xb, xh]
    | (?P<escaped>[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!'))      # [xe]
    | (?P<unicode>[uU]&(?P<units><text>|"[^"]*(?:""[^"]*)*"(?!"))      # [xus, xui]
          (?:<space><uescape><space>'(?P<mark>[!\#-&(-*,-/:-@\[-`{-~])'(?!<space>'))?   # parser.c
          (?!<more><uescape>))
    | (?P<national>[nN]<text>)                        # [xn]
    | (?P<prefix>[eEbBxX]'|[uU]&['"])               # broken [xe, xb, xh, xus, xui]
    | (?P<word>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*+)      # [identifier]
                                                    # [dolqdelim] all in one line, see below
    | (?P<dollar>\$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*+)?)\$.*?\$(?P=tag)\$)
    | (?P<end>\Z)
    | (?P<bad>.+)
    """
for _part, _form in (
    ("<uescape>", _UESCAPE), ("<space>", _SPACE), ("<more>", _MORE), ("<text>", _QUOTED),
    ("<digits>", _DIGITS),
):  # fmt: skip
    _FORMS = _FORMS.replace(_part, _form)


def _without_range(found: re.Match[str]) -> str:
    """Write a class by what is not in it: Python takes 4 ms to compile one with so wide a range."""
    ascii_part = re.compile(f"[{found[1]}]")
    others = (f"\\x{code:02x}" for code in range(128) if not ascii_part.match(chr(code)))
    return f"[^{''.join(others)}]"


_FORMS = re.sub(r"\[([^\[\]]*)\\x80-\\U0010ffff\]", _without_range, _FORMS)
_FORM: Final = re.compile(_FORMS, re.VERBOSE | re.DOTALL)
# Without named groups, which is faster; and faster still in texts without a $.
_UNNAMED: Final = re.sub(r"\?P<(?!tag>)\w+>", "?:", f"{_TRIVIA}({_FORMS})")
_TOKEN: Final = re.compile(_UNNAMED, re.VERBOSE | re.DOTALL)
# For the final tokens, of which N'...' makes two.
_PLACE: Final = re.compile(_UNNAMED.replace(f"[nN]{_QUOTED}", "[nN](?=')"), re.VERBOSE | re.DOTALL)
_NO_DOLLAR: Final = re.sub(r"\| \(\?:\\\$.*", "", _UNNAMED)
_TOKEN_BUT_DOLLAR: Final = re.compile(_NO_DOLLAR, re.VERBOSE | re.DOTALL)
_KEY, _KIND, _TEXT = itemgetter(0), itemgetter(1), itemgetter(2)
_STRING: Final = re.compile(_QUOTED)
_COMMENT_EDGE: Final = re.compile(r"/\*|\*/")
_FORBIDDEN: Final = re.compile(r"[\x00\ud800-\udfff]")
_SIGNS: Final = frozenset("+-*/<>=~!@#^&|`?%")
_WITHIN_NAMES: Final = ("Mn", "Mc", "Nd", "No", "Sc", "So")
_NO_ASCII: Final = dict.fromkeys(map(ord, ascii_letters + digits + "_$"))
_LOWER_ASCII: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class Tokens:
    """The tokens of one text, as parallel sequences; keys and kinds end with END tokens to look at.

    `keys` is what grammar rules compare: the lower-case word, the operator or punctuation itself;
    '"' stands for a quoted name, "'" for a string, "'b'" for a bit string, "0" for a number.
    `texts` are canonical. `form` is the keys in one, but for quoted names: all that a verdict hangs
    on that looks at no literal.
    """

    __slots__ = ("form", "keys", "kinds", "literals", "opened", "sql", "texts")

    def __init__(self, sql: str, entries: list[_Entry]) -> None:
        self.sql = sql
        self.keys: list[str] = list(map(_KEY, entries))
        self.kinds = bytes(map(_KIND, entries)) + _END_KINDS
        self.texts: list[str] = list(map(_TEXT, entries))
        self.literals: dict[int, str] = {}  # those that were asked for
        self.opened: list[int] = []  # see type_words, which finds them where it has to
        named = self.keys
        if '"' in sql:
            named = [x if k == '"' else k for k, x in zip(named, self.texts, strict=True)]
        self.form = " ".join(named)
        self.keys += _NO_KEYS

    def positions(self) -> list[int]:
        """Give where each token begins in the caller's text, from 0, then where it ends."""
        found = islice(_PLACE.finditer(self.sql), len(self.texts) + 1)
        return [token.start(1) for token in found]

    def name(self, index: int) -> str:
        """Give the name that PostgreSQL reads in a word: folded if plain, as written if quoted."""
        key = self.keys[index]
        return unquoted(self.texts[index]) if key == '"' else key

    def literal(self, index: int) -> str:
        """Give a literal as it is written; `literals` records that the verdict depends on it."""
        return self.literals.setdefault(index, self.texts[index])

    def canonical(self) -> str:
        """Join the tokens to the text that is checked and run."""
        return " ".join(self.texts)


class _Lexicon(dict[str, _Entry]):
    """Cached entries of short tokens: a token alone says what it is."""

    def __missing__(self, text: str) -> _Entry:
        entry = _entry(text)
        if len(text) <= MAX_NAME_BYTES:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[text] = entry
        return entry


_LEXICON: Final = _Lexicon()


def scan(sql: str, longest: int = MAX_CHARACTERS) -> Tokens:
    """Cut `sql` into tokens, or refuse it."""
    _check_characters(sql, longest)
    texts = _cut(sql)
    if "/*" in sql and "/*" in texts:
        sql = _without_comments(sql)
        texts = _cut(sql)
    while texts and not texts[-1]:  # the end of the text, twice if it is a space
        texts.pop()
    if ";" in sql and ";" in texts:
        if first := next((i for i, text in enumerate(texts) if text != ";"), 0):  # empty statements
            end = _start(sql, first)
            sql, texts = sql[:end].replace(";", " ") + sql[end:], texts[first:]
        end = [*texts, ";"].index(";")
        for index, text in enumerate(texts[end:], end):
            if text != ";":
                raise bad_end(texts[:end], text, _start(sql, index))
        del texts[end:]
    try:
        tokens = Tokens(sql, [*map(_LEXICON.__getitem__, texts)])
        if "' '" in tokens.form:  # keys of two strings, or of N'...', or a part of a quoted name
            starts = [token.start(1) for token in islice(_TOKEN.finditer(sql), len(texts) + 1)]
            sql, texts = rewritten(sql, texts, starts, [STRING <= k <= BITS for k in tokens.kinds])
            tokens = Tokens(sql, [*map(_LEXICON.__getitem__, texts)])
            if len(texts) > MAX_TOKENS:
                raise _too_many_tokens(tokens.positions()[MAX_TOKENS])
    except Refusal:
        _explain(sql, texts)
        raise
    return tokens


def _check_characters(sql: str, longest: int) -> None:
    if len(sql) > longest:
        raise Refusal(
            "too_long",
            f"the query has {len(sql):,} characters, the limit is {MAX_CHARACTERS:,}",
            _ASK_FOR_LESS,
        )
    if ("\0" in sql or not sql.isascii()) and (found := _FORBIDDEN.search(sql)):
        raise Refusal(
            "bad_character",
            "the query holds a NUL or half of a surrogate pair",
            "Send plain UTF-8 text.",
            offset=found.start(),
        )
    if sql.count("\\") > MAX_BACKSLASHES:
        raise Refusal(
            "too_long",
            f"the query has more than {MAX_BACKSLASHES:,} backslashes",
            "Write the characters themselves.",
        )


def _cut(sql: str) -> list[str]:
    """Find the tokens, the end of the text as an empty one; refuse more than are allowed."""
    if "$" in sql:
        pieces = _TOKEN.split(sql, MAX_TOKENS)
        texts = pieces[1::3]
    elif len(sql) < MAX_TOKENS:  # which it cannot exceed
        return _TOKEN_BUT_DOLLAR.findall(sql)
    else:
        pieces = _TOKEN_BUT_DOLLAR.split(sql, MAX_TOKENS)
        texts = pieces[1::2]
    if len(texts) < MAX_TOKENS:
        return texts
    rest = pieces[-1]
    more = _TOKEN.match(rest)
    if more and more[1] and "/*" not in texts:  # else comments are in the way
        raise _too_many_tokens(len(sql) - len(rest) + more.start(1))
    return texts


def _too_many_tokens(offset: int) -> Refusal:
    message = f"the query has more than {MAX_TOKENS:,} words and signs"
    return Refusal("too_many_tokens", message, _ASK_FOR_LESS, offset=offset)


def _start(sql: str, index: int) -> int:
    return next(islice(_TOKEN.finditer(sql), index, None)).start(1)


def _explain(sql: str, texts: list[str]) -> None:
    """Refuse the first token that is none, at its place."""
    for index, text in enumerate(texts):
        try:
            _ = _LEXICON[text]  # most of them are known by now
        except Refusal as refusal:
            refusal.offset = _start(sql, index) + (refusal.offset or 0)
            raise


def _entry(text: str) -> _Entry:  # noqa: C901, PLR0911, PLR0912  # one return per kind
    """Key, kind and canonical text of a token."""
    if text.isascii() and text.isidentifier():
        text = text[:MAX_NAME_BYTES]
        return (key := text.lower()), KINDS.get(key, IDENTIFIER), text
    if _STRING.fullmatch(text):
        return "'", STRING, text
    if len(text) > MAX_NAME_BYTES and text[0] in _SIGNS:  # no operator is as long
        raise bad_operator(text)
    if text[0] == "'":
        raise bad_token(None, text)
    found = _FORM.fullmatch(text)
    form = found.lastgroup if found else None
    if simple := _SIMPLE.get(form or ""):
        return simple[0] or text, simple[1], text
    if form == "operator":
        if text not in OPERATORS:
            raise bad_operator(text)
        return text, OPERATOR, text
    if form == "word":
        text = cut_name(text)
        return (key := _fold(text)), KINDS.get(key, IDENTIFIER), text
    if form == "quoted":
        return '"', IDENTIFIER, quoted_name(unquoted(text))
    if form == "national":
        return "' '", STRING, text
    if form == "escaped":
        return "'", STRING, plain_string(unescape(text[2:-1]))
    if found and form == "unicode":
        value = unescape_unicode(found["units"], found["mark"] or "\\")
        if text[2] == "'":
            return "'", STRING, plain_string(value)
        if value:
            return '"', IDENTIFIER, quoted_name(value)
    if form == "dollar":
        edge = text.index("$", 1) + 1
        return "'", STRING, plain_string(text[edge:-edge])
    raise bad_token(form, text)


def _fold(word: str) -> str:
    """Fold as downcase_identifier() does in UTF-8: ASCII letters only.

    What is no letter is refused: it would be part of the name, and look like a space or a sign.
    Behind the first one may be marks (the vowels of Hindi, the tones of Thai), digits and what is
    not taken for a sign (m², umsatz_€, °c).
    """
    rest = word.translate(_NO_ASCII)
    for place, character in enumerate("" if not rest or rest.isalpha() else word):
        if character < "\x80":
            continue
        if not character.isalpha() and (not place or category(character) not in _WITHIN_NAMES):
            raise bad_character(character, place)
    return word.translate(_LOWER_ASCII)


def _without_comments(sql: str) -> str:
    """Empty the comments that hold comments."""
    parts: list[str] = []
    nested = resume = 0
    matches = _TOKEN.finditer(sql)
    for _ in range(MAX_TOKENS + MAX_NESTED_COMMENTS):  # of further tokens there are too many anyway
        found = next(matches, None)
        if found is None or not found[1]:
            break
        if found[1] == "/*":
            start = found.start(1)
            end, nested = _end_of_comment(sql, start, nested)
            parts += sql[resume:start], f"/*{' ' * (end - start - 4)}*/"
            matches, resume = _TOKEN.finditer(sql, end), end
    return "".join([*parts, sql[resume:]])


def _end_of_comment(sql: str, start: int, nested: int) -> tuple[int, int]:
    """Block comments nest; an edge is taken from the left, `*/*` closes and opens nothing [xc].

    `nested` counts those of the text that hold others or stand in one.
    """
    depth, position = 0, start
    while found := _COMMENT_EDGE.search(sql, position):
        position = found.end()
        if found[0] == "/*":
            depth += 1
            nested += 1
        else:
            depth -= 1
        if nested > MAX_NESTED_COMMENTS:
            raise Refusal(
                "too_deep",
                f"more than {MAX_NESTED_COMMENTS} comments within comments",
                "Leave the comments out.",
                offset=start,
            )
        if depth == 0:
            return position, nested
    raise Refusal("syntax", "a /* comment does not end", "Close it with */.", offset=start)
