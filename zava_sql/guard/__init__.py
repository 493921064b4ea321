"""The guard: lets through one plain SELECT over allowed names, in a text it wrote itself.

    text -> limits -> tokens (lexer) -> readers' account + sqlglot's account, which must agree
         -> canonical text, to be run instead of the caller's

Pure: no I/O but its own data files, no database. What the text may take of PostgreSQL is bounded in
`bounds`; whatever decides what it may read is in the modules here.
"""

from zava_sql.guard.check import Checked, Guard, check
from zava_sql.guard.jsonl import judge_line

__all__ = ["Checked", "Guard", "check", "judge_line"]
