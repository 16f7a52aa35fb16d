"""Prints the links of Markdown files that lead nowhere in the tree: a missing file, a heading that isn't there.

Usage: links.py FILE..."""

import os
import re
import sys


def without_code(text):
    return re.sub(r"^\s*```.*?^\s*```", "", text, flags=re.S | re.M)


def anchors(path):
    """The names that GitHub gives to a file's headings."""
    with open(path, encoding="utf-8") as file:
        headings = re.findall(r"^#+ (.*)$", without_code(file.read()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def main():
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            text = without_code(file.read())
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", link):
                continue
            target, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
            if not os.path.exists(target):
                print(f"{path}: {link}: there is no {target}")
            elif anchor and target.endswith(".md") and anchor not in anchors(target):
                print(f"{path}: {link}: no such heading")


if __name__ == "__main__":
    main()
