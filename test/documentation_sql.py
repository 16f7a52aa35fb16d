"""Prints the blocks of SQL (fenced as ```sql) of Markdown files as scripts: DIRECTORY/NNN.sql.

Usage: documentation_sql.py DIRECTORY FILE...; prints "NNN file:line" for each block.
"""

import os
import sys


def blocks(path):
    start, lines, indent = None, [], 0
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            text = line.strip()
            if start is None and text == "```sql":
                start, lines, indent = number, [], len(line) - len(line.lstrip())
            elif start is not None and text == "```":
                yield start, "".join(lines)
                start = None
            elif start is not None:
                lines.append(line[indent:] if line[:indent].isspace() or not indent else line)


def main():
    count = 0
    for path in sys.argv[2:]:
        for line, text in blocks(path):
            count += 1
            with open(os.path.join(sys.argv[1], f"{count:03}.sql"), "w", encoding="utf-8") as file:
                file.write(text)
            print(f"{count:03} {os.path.basename(path)}:{line}")


if __name__ == "__main__":
    main()
