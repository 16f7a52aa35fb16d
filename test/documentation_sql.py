"""Makes scripts, DIRECTORY/NNN.sql, of the SQL in Markdown files (blocks fenced as ```sql).

A query that returns no row is an error: a reader would see nothing. In blocks fenced as ```sql index
each query must be able to use a vecdot index: its plan must do so where scans of the table and sorts
are switched off, since the planner rightly scans tables as small as those of the documentation.

Usage: documentation_sql.py DIRECTORY FILE...; prints "NNN file:line" for each block.
"""

import os
import re
import sys

USES_INDEX = """\
CREATE FUNCTION pg_temp.use_index(query text) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_sort = off SET enable_bitmapscan = off AS $function$
DECLARE
    line text;
    plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        plan := plan || E'\\n' || line;
    END LOOP;
    IF plan !~ '\\m(Order By|Radius): ' THEN
        RAISE 'this query does not use the index:%', query || plan;
    END IF;
END $function$;
"""

NO_ROW = """
SELECT :ROW_COUNT = 0 AS none \\gset
\\if :none
DO $$ BEGIN RAISE 'the query that ends in line %d of the block returns no row'; END $$;
\\endif
"""


def blocks(path, language="sql"):
    """(line, words behind ```sql or another language, lines) of each block."""
    start, words, lines, indent = None, [], [], 0
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            text = line.strip()
            if start is None and re.match(rf"```{language}( |$)", text):
                start, words, lines, indent = number, text.split()[1:], [], len(line) - len(line.lstrip())
            elif start is not None and text == "```":
                yield start, words, lines
                start = None
            elif start is not None:
                lines.append(line[indent:] if line[:indent].isspace() or not indent else line)


def statements(lines):
    """(number of its last line, text) of each statement; one ends where a line ends in a semicolon."""
    text, quoted = "", False
    for number, line in enumerate(lines, 1):
        text += line
        quoted ^= line.count("$$") % 2 == 1
        if not quoted and re.sub(r"\s*(--.*)?$", "", line.rstrip()).endswith(";"):
            yield number, text
            text = ""
    if text:
        yield len(lines), text


def script(words, lines):
    made = USES_INDEX if "index" in words else ""
    for number, text in statements(lines):
        code = re.sub(r"^\s*(--[^\n]*\n\s*)*", "", text)
        query = re.match(r"(SELECT|WITH)\b", code) is not None
        if query and "index" in words:
            made += f"SELECT pg_temp.use_index($documented${code}$documented$);\n"
        made += text
        if query:
            made += NO_ROW % number
    return made


def main():
    count = 0
    for path in sys.argv[2:]:
        for line, words, lines in blocks(path):
            count += 1
            with open(os.path.join(sys.argv[1], f"{count:03}.sql"), "w", encoding="utf-8") as file:
                file.write(script(words, lines))
            print(f"{count:03} {os.path.basename(path)}:{line}")


if __name__ == "__main__":
    main()
