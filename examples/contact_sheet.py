"""Draws query images with their neighbours, from the rows on standard input, into a PNG file.

Usage: contact_sheet.py FILE TITLE SUBTITLE. Input, CSV with a header: query, query_label, query_name,
rank, id, label, name, distance, query_image, image; images as vectors in text form, [0,255,...], of a
square number of grey values of 0 to 255.
"""

import csv
import json
import signal
import sys

import numpy
from PIL import Image, ImageDraw, ImageFont

PICTURE = 112  # pixels of a picture's side
GAP = 14
CAPTION = 44
MARGIN = 48
HEAD = 130
QUERY_GAP = 56
BACKGROUND = (250, 250, 248)
CARD = (255, 255, 255)
FRAME = (222, 222, 218)
INK = (34, 38, 44)
SOFT = (128, 132, 138)
QUERY = (38, 84, 160)
RIGHT = (30, 120, 72)
WRONG = (196, 62, 48)
FONTS = "/usr/share/fonts/truetype/dejavu"


def font(size, bold=False):
    return ImageFont.truetype(f"{FONTS}/DejaVuSans{'-Bold' if bold else ''}.ttf", size)


def picture(text):
    """Dark on white, enlarged."""
    values = numpy.array(json.loads(text))
    side = round(len(values) ** 0.5)
    grey = (255 - values.reshape(side, side)).clip(0, 255).astype(numpy.uint8)
    inner = PICTURE - 12
    return Image.fromarray(grey, "L").resize((inner, inner), Image.LANCZOS)


def card(sheet, draw, x, y, text, colour, width):
    draw.rounded_rectangle((x, y, x + PICTURE, y + PICTURE), 8, CARD, colour, width)
    sheet.paste(picture(text).convert("RGB"), (x + 6, y + 6))


def caption(draw, x, y, lines):
    for line, size, bold, colour in lines:
        draw.text((x + PICTURE / 2, y), line, colour, font(size, bold), anchor="ma")
        y += size + 5


def draw_sheet(rows, path, title, subtitle):
    """rows: a dictionary for each neighbour, nearest first; its keys are the columns above."""
    queries = {}
    for row in rows:
        queries.setdefault(row["query"], []).append(row)
    if not queries:
        sys.exit("no rows to draw")
    columns = max(map(len, queries.values()))

    width = 2 * MARGIN + PICTURE + QUERY_GAP + columns * (PICTURE + GAP) - GAP
    height = HEAD + len(queries) * (PICTURE + CAPTION + GAP) + MARGIN - GAP
    sheet = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 34), title, INK, font(26, True))
    draw.text((MARGIN, 72), subtitle, SOFT, font(15))
    neighbours = MARGIN + PICTURE + QUERY_GAP
    right = "nearest first: distance below the name, green where the class is the query's"
    draw.text((width - MARGIN, 76), right, SOFT, font(13), anchor="ra")

    y = HEAD
    for rows in queries.values():
        card(sheet, draw, MARGIN, y, rows[0]["query_image"], QUERY, 3)
        caption(
            draw,
            MARGIN,
            y + PICTURE + 6,
            [(rows[0]["query_name"], 13, True, QUERY), (f"test image {rows[0]['query']}", 11, False, SOFT)],
        )
        middle = y + PICTURE / 2
        arrow = MARGIN + PICTURE + 16
        draw.line((arrow, middle, arrow + 20, middle), SOFT, 2)
        draw.polygon([(arrow + 26, middle), (arrow + 18, middle - 5), (arrow + 18, middle + 5)], SOFT)
        for place, row in enumerate(rows):
            x = neighbours + place * (PICTURE + GAP)
            same = row["label"] == row["query_label"]
            card(sheet, draw, x, y, row["image"], FRAME if same else WRONG, 1 if same else 2)
            caption(
                draw,
                x,
                y + PICTURE + 6,
                [
                    (row["name"], 13, False, RIGHT if same else WRONG),
                    (f"{float(row['distance']):.3f}", 11, False, SOFT),
                ],
            )
        y += PICTURE + CAPTION + GAP
    sheet.save(path, optimize=True)


def main():
    csv.field_size_limit(1 << 20)
    draw_sheet(csv.DictReader(sys.stdin), *sys.argv[1:4])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends without a traceback
    main()
