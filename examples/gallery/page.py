"""The chapters of the gallery: SQL files that psql runs, and an HTML page of what came out.

A chapter is an SQL file that anyone can paste into psql. Its first comment is a headline ("# ...") and an
introduction; the comments before a statement say what it does.
"""

import base64
import html
import re
import subprocess

MARK = "\x1dgallery"


class Psql:
    """psql on the cluster of the demonstration."""

    def __init__(self, program, connection):
        self.command = [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", connection]

    def run(self, script, *options):
        done = subprocess.run([*self.command, *options], input=script, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr.strip())
        return done.stdout

    def rows(self, query):
        """What a query returns, as lists of text."""
        out = self.run(query, "-A", "-t", "-F", "\x1f")
        return [line.split("\x1f") for line in out.splitlines() if line]


class Step:
    def __init__(self, comment, statement):
        self.comment = comment
        self.statement = statement
        self.result = ""
        self.milliseconds = None


class Chapter:
    def __init__(self, path):
        self.name = path.stem
        head, *paragraphs = re.split(r"\n\s*\n", path.read_text(encoding="utf-8").strip())
        lines = head.splitlines()
        said = [line[2:].strip() for line in lines if line.startswith("--")]
        self.title = said[0].removeprefix("# ")
        self.introduction = " ".join(said[1:])
        self.steps = []
        for paragraph in ["\n".join(line for line in lines if not line.startswith("--")), *paragraphs]:
            comment, code = [], []
            for line in paragraph.splitlines():
                if line.startswith("--"):
                    comment.append(line[2:].strip())
                else:
                    code.append(line)
            if code:
                self.steps.append(Step(" ".join(comment), "\n".join(code)))
        self.figures = []  # (PNG file, caption)

    def run(self, psql):
        """In one session, as a reader would; each step keeps its output and its time."""
        script = ["SET client_min_messages = warning;"]
        for step in self.steps:
            script += ["\\timing on", step.statement, "\\timing off", f"\\echo {MARK}"]
        parts = psql.run("\n".join(script) + "\n").split(MARK + "\n")
        for step, part in zip(self.steps, parts):
            times = re.findall(r"^Time: ([0-9.]+) ms.*\n?", part, re.MULTILINE)
            step.milliseconds = sum(map(float, times))
            step.result = re.sub(r"^Time: .*\n?", "", part, flags=re.MULTILINE).strip("\n")


STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, "DejaVu Sans", sans-serif; color: #22262c; background: #fafaf8;
       max-width: 1080px; margin: 0 auto; padding: 32px 24px 80px; }
h1 { font-size: 32px; margin: 0 0 4px; } h2 { font-size: 24px; margin: 56px 0 8px; }
nav a { margin-right: 18px; } a { color: #2654a0; }
p { max-width: 760px; margin: 10px 0; } .soft { color: #767a80; font-size: 14px; }
pre { font: 13px/1.45 "DejaVu Sans Mono", ui-monospace, monospace; overflow-x: auto; margin: 6px 0;
      padding: 12px 16px; border-radius: 8px; }
pre.sql { background: #eef1f6; } pre.result { background: #fff; border: 1px solid #deded8; }
.step { margin: 18px 0; } .keyword { color: #2654a0; }
figure { margin: 20px 0; } figure img { max-width: 100%; height: auto; border-radius: 8px; border: 1px solid #deded8; }
figcaption { color: #767a80; font-size: 14px; }
"""
KEYWORDS = re.compile(
    r"\b(ALTER|ANALYZE|AND|AS|BY|CASE|CREATE|DESC|DISTINCT|DROP|ELSE|END|EXISTS|EXPLAIN|FILTER|FROM|GROUP|IF|INDEX"
    r"|INSERT|INTO|JOIN|KEY|LATERAL|LIMIT|NOT|ON|ORDER|ORDINALITY|OVER|PRIMARY|SCHEMA|SELECT|TABLE|THEN|USING|VALUES"
    r"|WHEN|WHERE|WITH)\b")


def image(path):
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{html.escape(path.stem)}" src="data:image/png;base64,{data}">'


def duration(milliseconds):
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def step_html(step):
    parts = ['<div class="step">']
    if step.comment:
        parts.append(f"<p>{html.escape(step.comment)}</p>")
    sql = KEYWORDS.sub(r'<span class="keyword">\1</span>', html.escape(step.statement, quote=False))
    parts.append(f'<pre class="sql">{sql}</pre>')
    if step.result:
        parts.append(f'<pre class="result">{html.escape(step.result, quote=False)}</pre>')
    parts.append(f'<div class="soft">{duration(step.milliseconds)}</div></div>')
    return "\n".join(parts)


def write(path, chapters, about):
    """One file that needs no other."""
    body = ["<h1>What the dot product does</h1>",
            f'<p class="soft">{html.escape(about)}</p>',
            "<nav>" + "".join(f'<a href="#{c.name}">{html.escape(c.title)}</a>' for c in chapters) + "</nav>"]
    for chapter in chapters:
        body.append(f'<section id="{chapter.name}"><h2>{html.escape(chapter.title)}</h2>')
        body.append(f"<p>{html.escape(chapter.introduction)}</p>")
        body += [f"<figure>{image(file)}<figcaption>{html.escape(caption)}</figcaption></figure>"
                 for file, caption in chapter.figures]
        body += [step_html(step) for step in chapter.steps]
        body.append("</section>")
    path.write_text(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>vecdot: the gallery</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style></head><body>\n" + "\n".join(body) + "\n</body></html>\n", encoding="utf-8")
