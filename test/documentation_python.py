"""Makes programs, DIRECTORY/NNN.py, of the Python in Markdown files (blocks fenced as ```python).

Usage: documentation_python.py DIRECTORY FILE...; prints "NNN file:line missing" for each block; missing is the
modules that it imports and this interpreter doesn't have, separated by commas, or "-".
"""

import ast
import importlib.util
import os
import sys

from documentation_sql import blocks


def missing(text):
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return ",".join(sorted(name for name in names if importlib.util.find_spec(name) is None)) or "-"


def main():
    count = 0
    for path in sys.argv[2:]:
        for line, _, lines in blocks(path, "python"):
            count += 1
            text = "".join(lines)
            with open(os.path.join(sys.argv[1], f"{count:03}.py"), "w", encoding="utf-8") as file:
                file.write(text)
            print(f"{count:03} {os.path.basename(path)}:{line} {missing(text)}")


if __name__ == "__main__":
    main()
