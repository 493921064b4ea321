"""Differential fuzzing of the guard against PostgreSQL's own parser.

Three kinds of sample, each a function of (seed, number), so that any one can be made again:
lexical   soup of characters and pieces that scanners disagree on: the canonical text must be the
          same statement as the original, and canonical itself;
grammar   queries grown from a grammar, spiced with words of other dialects and with names that must
          not pass: what the guard accepts, PostgreSQL must see the same way (`guard_oracle.harms`);
mutation  the same property for kept texts whose tokens were swapped, dropped and spliced.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import guard_lists
from guard_oracle import WRAP, harms, parse, read, without_places
from rich.console import Console
from rich.progress import track

from zava_sql.guard.keywords import KINDS, OPERATORS
from zava_sql.guard.lexer import scan
from zava_sql.guard.limits import Refusal
from zava_sql.guard.names import Names

NAMES = Names({"top_products"})
CHUNK = 10_000

PIECES = [
    *"abexnuEBXNU_0159.,;:()[]+-*/<>=~!@#%^&|?`'\"$\\{} \t\n\r\f\v",
    "--", "/*", "*/", "/* /* */ */", "'a'", "E'", "e'\\'", "b'01'", "x'1f'", "U&'", 'u&"', "N'",
    "$$", "$a$", "$1", "''", '""', '"a"', '"a""b"', "::", ":=", "=>", "->", "->>", "#-", "#>>",
    "@>", "<@", "&&", "||", "|/", "||/", "!!", "~*", "!~~*", "<->", "<=>", "1e5", "1.5", ".5", "1.",
    "0x1f", "1_000", "1__0", "select", "from", "as", "begin", "fetch", "limit", "null", "\u00a0",
    "\u0085", "\u2003", "\u0131", "\u017f", "\u212a", "\ufb01", "\u00e9", "\u4e16", "\u0661",
    "\u0301", "\u0e48", "\uff12",
    "\x00", "\ud800", "\ufeff", "\u200b", "\U0001f600", "\\n", "\\x41", "\\101", "\\u0041", "\\'",
    "--'\n", "/*'*/", "'\n'", "' '", "a.b", "t.*", "(1)", "#--'\n", '|/*"*/', "*/*",
    "U&'\\0061'", "u&'d!0061'", 'U&"\\0061"', "uescape '!'", " UESCAPE ", "'!'", "!0061",
    "\\+000061", "\\D83D", "\\uDE00", "!!", "'a'\n'b'", "\t\n '", "n'a'", "nchar", "a$b$", "é$",
    "é" * 32,
]  # fmt: skip
DIALECTS = """
    qualify pivot unpivot struct object nested nullable map list variant treat match match_recognize
    describe show lock execute rename call do explain prepare declare reset refresh begin commit
    end fetch next prior semi anti asof straight_join apply cluster distribute sort connect
    top percent ties if iif try_cast safe_cast convert ceil floor position normalize replace
    div rlike regexp glob xor settings format final sample tablesample only table values
    lateral unnest view outer ordinality rows range groups cube rollup grouping sets array row
    interval timestamp date time text name point json xml vector regclass oid integer numeric float
    double precision character varying bit collate escape isnull notnull overlaps similar symmetric
    operator variadic distinct all any some exists case when then else cast extract overlay
    substring trim coalesce greatest least nullif current_date current_user session_user user
    window partition over filter within group order by having offset limit union intersect except
    natural cross join inner left right full using on with recursive materialized search cycle into
    for update share insert delete merge returning default placing zone local at is not in like
    ilike between and or asc desc nulls first last xmltable xmlelement xmlserialize json_table
    json_object json_value json_query json_exists merge_action columns passing path uescape
    nchar national setof
"""
EVIL = "evil pg_sleep pg_roles set_config zava pg_catalog lo_create regclass"
SIGNS = "( ) [ ] , . : :: := => * + - = < > 'x' 1 a t"

# Capitals are symbols; each line is one way to write the symbol, the first ones the shortest.
GRAMMAR = {
    "NAME": """a
        b
        t
        orders
        name
        value
        "a"
        "Order"
        date
        year
        values
        between
        national
        setof
        nchar
        recursive
        "text"
        "char"
        a$b
        U&"\\0061"
        U&"d!0061" uescape '!'
        an_identifier_of_more_than_sixty_three_bytes_that_postgresql_cuts_at""",
    "LITERAL": """1
        'x'
        2.5
        null
        true
        interval '1 day'
        date '2024-01-01'
        current_date
        N'x'
        U&'\\0061'
        U&'d!0061' uescape '!'""",
    "TYPE": """int
        text
        date
        numeric ( 10 , 2 )
        timestamp with time zone
        int [ ]
        jsonb
        nchar ( 3 )
        national character varying ( 3 )
        national char
        "char"
        "text"
        "numeric" ( 10 , 2 )
        pg_catalog . text
        pg_catalog . "char\"""",
    "FUNCTION": """lower
        count
        round
        coalesce
        date_trunc
        date
        text
        left
        unnest
        generate_series
        jsonb_build_object
        percentile_cont
        api . top_products
        pg_catalog . lower""",
    "EXPR": """NAME
        LITERAL
        NAME . NAME
        EXPR OPERATOR EXPR
        EXPR = EXPR
        EXPR and EXPR
        EXPR or EXPR
        ( EXPR )
        ( EXPR , EXPR )
        ( EXPR ) . NAME
        ( QUERY )
        FUNCTION ( EXPRS ) TAIL
        FUNCTION ( distinct EXPR order by EXPR ) TAIL
        count ( * ) TAIL
        NAME ( EXPRS )
        cast ( EXPR as TYPE )
        EXPR :: TYPE
        TYPE 'x'
        case when EXPR then EXPR else EXPR end
        case EXPR when EXPR then EXPR end
        EXPR in ( EXPRS )
        EXPR not in ( QUERY )
        EXPR between EXPR and EXPR
        EXPR not between symmetric EXPR and EXPR
        EXPR like EXPR
        EXPR not ilike EXPR escape EXPR
        EXPR similar to EXPR
        EXPR is null
        EXPR is not true
        EXPR is distinct from EXPR
        EXPR isnull
        exists ( QUERY )
        array [ EXPRS ]
        array ( QUERY )
        NAME [ EXPR ]
        NAME [ EXPR : EXPR ]
        extract ( year from EXPR )
        substring ( EXPR from EXPR for EXPR )
        substring ( EXPR , EXPR )
        position ( EXPR in EXPR )
        trim ( both EXPR from EXPR )
        overlay ( EXPR placing EXPR from EXPR )
        EXPR at time zone EXPR
        EXPR = any ( EXPR )
        EXPR < all ( QUERY )
        not EXPR
        - EXPR
        @ EXPR
        EXPR collate "C"
        json_object ( EXPR : EXPR )
        json_value ( EXPR , 'x' returning TYPE )
        json_array ( QUERY )
        json_array ( QUERY returning TYPE )
        row ( EXPRS )
        greatest ( EXPRS )
        EXPR operator ( pg_catalog . + ) EXPR
        interval 'x' day to second""",
    "EXPRS": """EXPR
        EXPR , EXPR
        EXPR , EXPR , EXPR""",
    "TAIL": """
        over ( )
        over w
        over ( partition by EXPR order by EXPR )
        over ( order by EXPR rows between 1 preceding and current row )
        filter ( where EXPR )
        within group ( order by EXPR )""",
    "RELATION": """orders
        t
        retail . orders
        api . sales
        zava . retail . orders
        "zava" . api . sales
        only t
        orders *""",
    "ALIAS": """
        NAME
        as NAME
        as t ( a , b )""",
    "SOURCE": """RELATION ALIAS
        RELATION ALIAS
        ( QUERY ) ALIAS
        lateral ( QUERY ) ALIAS
        generate_series ( 1 , EXPR ) ALIAS
        unnest ( EXPR ) with ordinality ALIAS
        jsonb_to_recordset ( EXPR ) as t ( a TYPE , NAME TYPE )
        jsonb_to_record ( EXPR ) as ( NAME TYPE collate "C" )
        json_table ( EXPR , 'x' columns ( NAME TYPE path 'x' , NAME TYPE ) ) ALIAS
        json_to_record ( EXPR ) ALIAS
        api . top_products ( ) as f ( a , b )
        rows from ( unnest ( a ) , generate_series ( 1 , 2 ) )
        ( SOURCE join SOURCE on EXPR ) ALIAS
        SOURCE left join SOURCE using ( a )
        SOURCE natural join SOURCE
        SOURCE cross join SOURCE
        ( values ( EXPRS ) ) ALIAS
        current_date ALIAS
        lateral localtimestamp ( 0 ) ALIAS
        cast ( EXPR as TYPE ) ALIAS
        rows from ( current_time , cast ( EXPR as TYPE ) ) ALIAS
        SOURCE , SOURCE""",
    "TARGET": """EXPR
        *
        EXPR as NAME
        EXPR NAME
        NAME . *
        TARGET , TARGET""",
    "QUERY": """select TARGET
        select TARGET from SOURCE
        select TARGET from SOURCE where EXPR
        select distinct TARGET from SOURCE
        select distinct on ( EXPR ) TARGET from SOURCE
        select TARGET from SOURCE group by EXPR having EXPR
        select TARGET from SOURCE group by rollup ( EXPR ) , ( )
        select TARGET from SOURCE window w as ( order by EXPR )
        select TARGET from SOURCE order by EXPR desc nulls last
        select TARGET from SOURCE order by EXPR limit EXPR offset EXPR
        select TARGET from SOURCE fetch first 3 rows only
        select TARGET from SOURCE fetch next + 3 rows only
        values ( EXPRS ) , ( EXPRS )
        table RELATION
        ( QUERY ) union ( QUERY )
        QUERY except QUERY
        QUERY union all QUERY
        with NAME as ( QUERY ) QUERY
        with recursive t ( a ) as materialized ( QUERY ) QUERY
        with recursive as ( QUERY ) QUERY
        with recursive ( a ) as ( QUERY ) QUERY
        with recursive recursive as ( QUERY ) QUERY
        with t as ( QUERY ) , recursive as ( QUERY ) QUERY""",
    "OPERATOR": "\n".join(sorted(OPERATORS)),
}
RULES = {symbol: [line.split() for line in lines.split("\n")] for symbol, lines in GRAMMAR.items()}
STRANGE = [*DIALECTS.split(), *EVIL.split() * 12, *SIGNS.split() * 2, *sorted(OPERATORS)]


def grow(rng: random.Random) -> str:
    """A query from the grammar; now and then a strange word takes the place of a good one."""
    fuel = rng.randint(2, 30)
    strange = rng.choice((0.0, 0.02, 0.05))
    words: list[str] = []
    pending = ["QUERY"]
    while pending:
        word = pending.pop()
        if word in RULES:
            fuel -= 1
            ways = RULES[word]
            pending += reversed(rng.choice(ways if fuel > 0 else ways[:2]))
        elif strange and rng.random() < strange:
            words.append(rng.choice(STRANGE))
        else:
            words.append(word)
    return " ".join(words)


WORDS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")+\"|\w+|[^\w\s]+?")
POOL = [*DIALECTS.split(), *EVIL.split(), *KINDS, *SIGNS.split()]


def lexical(rng: random.Random) -> str:
    """Soup, in a place where PostgreSQL parses much of it."""
    soup = "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 9)))
    frame = rng.choice(
        ("select {}", "select 1 {}", "select a {} b", "select {} 'x'", "select ({}) x")
    )
    return frame.format(soup)


class Mutator:
    """Texts of the kept lists with tokens swapped, dropped, doubled, spliced."""

    def __init__(self) -> None:
        good = guard_lists.allowed()
        bad = [sql for _, sql in guard_lists.refused()]
        self.seeds = [words for text in [*good * 6, *bad] if (words := WORDS.findall(text))]

    def __call__(self, rng: random.Random) -> str:
        words = list(rng.choice(self.seeds))
        for _ in range(rng.choice((1, 1, 2, 3))):
            at = rng.randrange(len(words) + 1)
            choice = rng.randrange(6)
            if choice == 0:
                words.insert(at, rng.choice(POOL))
            elif choice == 1 and len(words) > 1:
                del words[at - 1]
            elif choice == 2:
                words[at - 1 : at] = [rng.choice(POOL)]
            elif choice == 3:
                other = rng.choice(self.seeds)
                start = rng.randrange(len(other))
                words[at:at] = other[start : start + rng.randint(1, 6)]
            elif choice == 4 and len(words) > 1:
                to = rng.randrange(len(words))
                words[at - 1], words[to] = words[to], words[at - 1]
            else:
                words[at:at] = words[max(at - 2, 0) : at]
        return " ".join(words)


@dataclass
class Tally:
    """What came of the samples; `findings` must stay empty."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def add(self, kind: str, outcome: str) -> None:
        self.counts[f"{kind}: {outcome}"] += 1


def check_lexical(sql: str, tally: Tally) -> None:
    try:
        tokens = scan(sql)
    except Refusal:
        tally.add("lexical", "refused")
        return
    canonical = tokens.canonical()
    again = scan(canonical)
    if again.texts != tokens.texts or again.keys != tokens.keys:
        tally.findings.append(f"not canonical: {sql!r} -> {canonical!r}")
    original, ours = parse(sql), parse(canonical)
    if original is None and ours is None:
        tally.add("lexical", "canonical, no statement")
    elif original is None or ours is None:
        tally.findings.append(f"statement in one text only: {sql!r} -> {canonical!r}")
    elif without_places(original) != without_places(ours):
        tally.findings.append(f"another statement: {sql!r} -> {canonical!r}")
    else:
        tally.add("lexical", "same statement")


def check_reading(kind: str, sql: str, tally: Tally) -> None:
    try:
        reading = read(sql, NAMES)
    except Refusal:
        tally.add(kind, "refused")
        return
    tree = parse(reading.canonical)
    if tree is None:
        tally.add(kind, "accepted, no statement to PostgreSQL")
        return
    tally.add(kind, "accepted, read alike")
    tally.findings += [f"{harm}: {reading.canonical}" for harm in harms(reading, tree)]
    if parse(WRAP.format(reading.canonical)) is None:
        tally.findings.append(f"breaks the wrap: {reading.canonical}")


def run(seed: int, chunk: int, samples: int = CHUNK) -> Tally:
    """Judge one chunk of samples: two fifths lexical, two grown, one mutated."""
    rng = random.Random(f"{seed}/{chunk}")  # noqa: S311  # to be repeatable, not secret
    tally = Tally()
    mutate = Mutator()
    for number in range(samples):
        kind = number % 5
        if kind < 2:
            check_lexical(lexical(rng), tally)
        elif kind < 4:
            check_reading("grammar", grow(rng), tally)
        else:
            check_reading("mutation", mutate(rng), tally)
    return tally


def main() -> int:
    """Run many chunks, several at a time; go on where the state file says the last run stopped."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--state", type=Path, help="file to keep counts in, and to go on from")
    options = parser.parse_args()
    tally, done = Tally(), 0
    if options.state and options.state.exists():
        kept = json.loads(options.state.read_text(encoding="utf-8"))
        if kept["seed"] != options.seed:
            parser.error(f"{options.state} belongs to seed {kept['seed']}")
        done = kept["chunks"]
        tally = Tally(Counter(kept["counts"]), kept["findings"])
    chunks = range(done, -(-options.samples // CHUNK))
    pool = ProcessPoolExecutor(options.workers)
    try:
        found = zip(chunks, pool.map(partial(run, options.seed), chunks), strict=True)
        for chunk, one in track(found, "fuzzing", total=len(chunks), console=Console(stderr=True)):
            tally.counts += one.counts
            tally.findings += one.findings
            if options.state:
                state = {
                    "seed": options.seed,
                    "chunks": chunk + 1,
                    "counts": dict(tally.counts),
                    "findings": tally.findings,
                }
                options.state.write_text(json.dumps(state, indent=1), encoding="utf-8")
            sys.stdout.writelines(f"chunk {chunk}: {finding}\n" for finding in one.findings)
    finally:
        pool.shutdown(cancel_futures=True)
    lines = [f"{count:12,}  {outcome}\n" for outcome, count in sorted(tally.counts.items())]
    lines.append(f"{len(tally.findings):12,}  findings\n")
    sys.stdout.writelines([f"seed {options.seed}: {tally.counts.total():,} samples\n", *lines])
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
