# SPDX-License-Identifier: GPL-2.0
"""The plot of make bench: what mapping a list costs on the grafted kernel, as a share of
what it costs on the plain one. A part for each way of mapping; on the left whole calls
for one segment, on the right lists of 256."""

from xml.sax.saxutils import escape

import cases
import verdict

SIZES = ((1, "1 segment, the whole call"), (256, "256 segments, one of them"))
COLOURS = {"first": "#2b6ca3", "second": "#8fbbdc"}
LABEL_WIDTH = 130
BAR_WIDTH = 240             # of a ratio of LIMIT; longer bars are cut
TEXT_WIDTH = 90
LIMIT = 2.0
BAR, ROW, HEAD, LINE = 8, 24, 26, 16


def text(x: float, y: float, words: str, more: str = "") -> str:
    """Words at a place."""
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{escape(words)}</text>'


def bars(row: verdict.Row, x: float, y: float) -> list[str]:
    """Those of one case: map above, unmap below it."""
    found = []
    for i, column in enumerate(("first", "second")):
        plain, ours = ((f or {}).get(column) for f in (row.plain, row.ours))
        if not plain or ours is None:
            continue
        ratio = ours / plain
        width = min(ratio, LIMIT) / LIMIT * BAR_WIDTH
        top = y + i * (BAR + 1)
        found.append(f'<rect x="{x:.0f}" y="{top:.0f}" width="{width:.1f}" height="{BAR}" '
                     f'fill="{COLOURS[column]}"/>')
        cut = "\u2026 " if ratio > LIMIT else ""
        found.append(text(x + width + 4, top + BAR,
                          f"{cut}{verdict.number_text(ours)} "
                          f"({verdict.number_text(plain)})", 'font-size="9"'))
    return found


def draw(rows: dict[str, verdict.Row]) -> str:
    """The whole picture."""
    column_width = BAR_WIDTH + TEXT_WIDTH
    width = LABEL_WIDTH + len(SIZES) * column_width
    parts = [text(8, 18, "Instructions to map and unmap, grafted kernel against plain one",
                  'font-size="14"'),
             f'<rect x="8" y="27" width="12" height="{BAR}" fill="{COLOURS["first"]}"/>',
             text(24, 35, "map"),
             f'<rect x="64" y="27" width="12" height="{BAR}" fill="{COLOURS["second"]}"/>',
             text(80, 35, "unmap"),
             text(140, 35, "grafted (plain); the dashed line is the plain kernel, shorter is "
                  "better")]
    y = 48.0
    for mode, (name, _, _) in cases.MODES.items():
        kinds = [kind for kind in cases.KINDS
                 if any(f"{mode}/{kind}/{size}" in rows for size, _ in SIZES)]
        if not kinds:
            continue
        parts.append(text(8, y + 12, name, 'font-weight="bold"'))
        y += LINE
        for i, (_, title) in enumerate(SIZES):
            parts.append(text(LABEL_WIDTH + i * column_width, y + 12, title))
        y += HEAD
        bottom = y + len(kinds) * ROW
        for i in range(len(SIZES)):
            x = LABEL_WIDTH + i * column_width
            one = x + BAR_WIDTH / LIMIT
            parts.append(f'<path d="M{x} {y - 4:.0f}V{bottom:.0f}" stroke="#444"/>'
                         f'<path d="M{one:.0f} {y - 4:.0f}V{bottom:.0f}" stroke="#b03030" '
                         'stroke-dasharray="3 2"/>')
        for kind in kinds:
            parts.append(text(LABEL_WIDTH - 6, y + BAR + 4, kind, 'text-anchor="end"'))
            for i, (size, _) in enumerate(SIZES):
                row = rows.get(f"{mode}/{kind}/{size}")
                if row:
                    parts += bars(row, LABEL_WIDTH + i * column_width, y)
            y += ROW
        y += 12
    body = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y:.0f}" '
            'font-family="sans-serif" font-size="11">\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n')
