"""The pictures of the gallery, drawn from numbers that SQL computed."""

import numpy
from PIL import Image, ImageDraw

from contact_sheet import BACKGROUND, CARD, FRAME, INK, RIGHT, SOFT, WRONG, font

MARGIN = 40
HEAD = 104
# A colour for each class; neighbours differ in lightness too.
CLASS_COLOURS = [(228, 26, 28), (55, 126, 184), (77, 175, 74), (152, 78, 163), (255, 127, 0),
                 (60, 60, 60), (166, 86, 40), (240, 100, 190), (0, 170, 170), (180, 170, 0)]


def square(values):
    side = round(len(values) ** 0.5)
    return numpy.asarray(values, float).reshape(side, side)


def grey(values):
    """Grey values of 0 to 255, dark on white."""
    return Image.fromarray((255 - square(values)).clip(0, 255).astype(numpy.uint8), "L").convert("RGB")


def signed(values):
    """Blue below 0, white at 0, red above; the largest magnitude is the full colour."""
    x = square(values)
    # All but the few largest: the corners of a weight image can be far out.
    top = numpy.quantile(numpy.abs(x), 0.995) or 1
    x = (x / top).clip(-1, 1)[..., None]
    red, blue, white = (numpy.array(c, float) for c in ((178, 24, 43), (33, 102, 172), (255, 255, 255)))
    mixed = numpy.where(x > 0, white + x * (red - white), white - x * (blue - white))
    return Image.fromarray(mixed.astype(numpy.uint8), "RGB")


def sheet(width, height, title, subtitle):
    picture = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    draw.text((MARGIN, 26), title, INK, font(24, True))
    draw.text((MARGIN, 62), subtitle, SOFT, font(14))
    return picture, draw


def tiles(path, title, subtitle, rows, size=104, label_width=0):
    """Rows of (label, [(image, caption, colour)]), one card for each image."""
    gap = 12
    lines = [max(len(text.split("\n")) if text else 0 for _, text, _ in cards) for _, cards in rows]
    heights = [size + 8 + 16 * n + gap for n in lines]
    columns = max(len(cards) for _, cards in rows)
    width = max(2 * MARGIN + label_width + columns * (size + gap) - gap, 900)
    picture, draw = sheet(width, HEAD + sum(heights) + MARGIN - gap, title, subtitle)
    for number, (label, cards) in enumerate(rows):
        y = HEAD + sum(heights[:number])
        draw.text((MARGIN, y + size / 2), label, INK, font(15, True), anchor="lm")
        for place, (image, text, colour) in enumerate(cards):
            x = MARGIN + label_width + place * (size + gap)
            draw.rounded_rectangle((x, y, x + size, y + size), 6, CARD, colour or FRAME, 2 if colour else 1)
            picture.paste(image.resize((size - 10, size - 10), Image.LANCZOS), (x + 5, y + 5))
            for i, line in enumerate(text.split("\n")):
                draw.text((x + size / 2, y + size + 5 + 16 * i), line, SOFT if i else INK, font(12), anchor="ma")
    picture.save(path, optimize=True)


def scatter(path, title, subtitle, points, labels, names, axes):
    """Points in the plane, coloured by class, with the classes' names at their medians."""
    width, height, left, top = 1000, 860, MARGIN + 30, HEAD
    scale = 3  # drawn larger, so that the dots are smooth
    picture, draw = sheet(width, height, title, subtitle)
    area_width, area_height = width - left - 190, height - top - 60
    low, high = points.min(0), points.max(0)
    margin = 0.03 * (high - low)
    low, high = low - margin, high + margin

    def place(p):
        return ((p[0] - low[0]) / (high[0] - low[0]) * area_width,
                (high[1] - p[1]) / (high[1] - low[1]) * area_height)

    area = Image.new("RGB", (area_width * scale, area_height * scale), CARD)
    inner = ImageDraw.Draw(area, "RGBA")
    for zero in (0, 1):
        x, y = place((0, 0))
        line = (x, 0, x, area_height) if zero else (0, y, area_width, y)
        inner.line([v * scale for v in line], FRAME, scale)
    for point, label in zip(points, labels):
        x, y = (v * scale for v in place(point))
        r = 3.4 * scale
        inner.ellipse((x - r, y - r, x + r, y + r), CLASS_COLOURS[label] + (190,))
    picture.paste(area.resize((area_width, area_height), Image.LANCZOS), (left, top))
    draw.rectangle((left, top, left + area_width, top + area_height), None, FRAME)
    written = []
    for label, name in enumerate(names):
        x, y = place(numpy.median(points[labels == label], axis=0))
        # A name moves down where another stands.
        while any(abs(x - a) < 70 and abs(y - b) < 16 for a, b in written):
            y += 4
        written.append((x, y))
        draw.text((left + x, top + y), name, INK, font(13, True), anchor="mm", stroke_width=3, stroke_fill=CARD)
        y = top + 16 + 28 * label
        x = left + area_width + 24
        draw.rounded_rectangle((x, y - 7, x + 14, y + 7), 4, CLASS_COLOURS[label])
        draw.text((x + 24, y), name, INK, font(14), anchor="lm")
    draw.text((left + area_width / 2, top + area_height + 14), axes[0], SOFT, font(14), anchor="ma")
    text = Image.new("L", (400, 24), 0)
    ImageDraw.Draw(text).text((200, 12), axes[1], 255, font(14), anchor="mm")
    text = text.rotate(90, expand=True)
    picture.paste(SOFT, (left - 34, int(top + area_height / 2 - 200)), text)
    picture.save(path, optimize=True)


def confusion(path, title, subtitle, counts, names):
    """A table of counts, rows the truth; the diagonal green, mistakes red."""
    cell, label = 66, 130
    n = len(names)
    picture, draw = sheet(2 * MARGIN + label + n * cell, HEAD + 60 + n * cell + MARGIN, title, subtitle)
    left, top = MARGIN + label, HEAD + 50
    draw.text((left + n * cell / 2, HEAD - 4), "taken for", SOFT, font(14), anchor="ma")
    for i, name in enumerate(names):
        draw.text((left - 12, top + (i + 0.5) * cell), name, INK, font(14), anchor="rm")
        draw.text((left + (i + 0.5) * cell, top - 8), name, INK, font(11), anchor="ms")
        for j in range(n):
            share = counts[i, j] / counts[i].sum()
            strength = share if i == j else min(1, 3 * share)
            colour = numpy.array(RIGHT if i == j else WRONG) * strength + 255 * (1 - strength)
            box = (left + j * cell, top + i * cell, left + (j + 1) * cell - 2, top + (i + 1) * cell - 2)
            draw.rectangle(box, tuple(colour.astype(int)))
            if counts[i, j]:
                ink = CARD if strength > 0.6 else INK
                centre = (left + (j + 0.5) * cell - 1, top + (i + 0.5) * cell - 1)
                draw.text(centre, str(counts[i, j]), ink, font(15, i == j), anchor="mm")
    picture.save(path, optimize=True)


def bars(path, title, subtitle, values, names):
    """Shares of 1, one bar each, with a line of their running sum."""
    width, height, left, top = 1000, 420, MARGIN + 20, HEAD
    picture, draw = sheet(width, height, title, subtitle)
    area_width, area_height = width - left - MARGIN, height - top - 50
    total = numpy.cumsum(values)
    draw.line((left, top + area_height, left + area_width, top + area_height), FRAME, 2)
    step = area_width / len(values)
    for i, value in enumerate(values):
        y = top + area_height * (1 - value)
        draw.rectangle((left + i * step + 3, y, left + (i + 1) * step - 3, top + area_height), CLASS_COLOURS[1])
        if i % 5 == 0:
            draw.text((left + (i + 0.5) * step, top + area_height + 8), names[i], SOFT, font(12), anchor="ma")
    line = [(left + (i + 0.5) * step, top + area_height * (1 - t)) for i, t in enumerate(total)]
    draw.line(line, WRONG, 3)
    for i in (0, 1, 9, len(values) - 1):
        draw.text((line[i][0], line[i][1] - 8), f"{total[i]:.0%}", INK, font(12, True), anchor="mb")
    picture.save(path, optimize=True)


def shades(path, title, subtitle, images, names):
    """Square images of brightness 0 to 1, or of colours (n x n x 3), side by side."""
    size, gap = 384, 24
    width = 2 * MARGIN + len(images) * (size + gap) - gap
    picture, draw = sheet(width, HEAD + size + 60, title, subtitle)
    for i, (values, name) in enumerate(zip(images, names)):
        x = MARGIN + i * (size + gap)
        pixels = (numpy.asarray(values) * 255).round().clip(0, 255).astype(numpy.uint8)
        picture.paste(Image.fromarray(pixels).convert("RGB").resize((size, size), Image.LANCZOS), (x, HEAD))
        draw.text((x + size / 2, HEAD + size + 10), name, INK, font(14), anchor="ma")
    picture.save(path, optimize=True)
