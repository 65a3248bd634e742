"""The results as one picture: a bar for each row, against the line of its goal."""

import html

import report

WIDTH, ROW, LEFT, TOP = 860, 46, 210, 70
GOAL_AT = 260   # how far right of LEFT the goal's line stands
SHOWN_MAX = 2.0  # goals' worth; a longer bar is cut there


def used_up(result, value):
    """How much of its goal a row with that value uses up: 1 is just met, whichever way it counts."""
    if value is None:
        return 0.0
    if result.at_most:
        return value / result.goal if result.goal > 0 else SHOWN_MAX
    return result.goal / value if value > 0 else SHOWN_MAX


def write_svg(path, facts, results):
    height = TOP + ROW * len(results) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" fill="#222">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="16" y="24" font-size="16">Figures against their goals</text>',
        f'<text x="16" y="44" fill="#666" font-size="11">'
        f'{html.escape(report.facts_sentence(facts))}</text>']
    for number, result in enumerate(results):
        parts += _bar(result, TOP + ROW * number)
    line, bottom = LEFT + GOAL_AT, TOP + ROW * len(results)
    parts += [f'<line x1="{line}" y1="{TOP - 8}" x2="{line}" y2="{bottom}" stroke="#222" '
              'stroke-dasharray="4 3"/>',
              f'<text x="{line}" y="{bottom + 16}" text-anchor="middle" font-size="11">goal; '
              'shorter is better; a triangle is as short as it can be here</text>', "</svg>"]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _at_best(result, top):
    """How short the bar could be on this machine."""
    if result.bound is None:
        return []
    at = LEFT + GOAL_AT * min(used_up(result, result.bound), SHOWN_MAX)
    return [f'<path d="M {at - 5:.1f} {top + 36} L {at + 5:.1f} {top + 36} L {at:.1f} {top + 29} z">'
            f"<title>at best {report.number(result.bound)}: {html.escape(result.bound_what)}"
            "</title></path>"]


def _bar(result, top):
    length = GOAL_AT * min(used_up(result, result.value), SHOWN_MAX)
    colour = "#2e7d4f" if result.met else "#b3402e"
    said = "not measured" if result.failure else (
        f"{report.number(result.value)} (goal {result.goal_text()})")
    return [f"<g><title>{html.escape(result.what)}</title>", *_at_best(result, top),
            f'<text x="{LEFT - 10}" y="{top + 20}" text-anchor="end">{html.escape(result.name)}'
            "</text>",
            f'<rect x="{LEFT}" y="{top + 4}" width="{max(length, 2):.1f}" height="24" '
            f'fill="{colour}"/>',
            f'<text x="{LEFT + max(length, GOAL_AT) + 10:.1f}" y="{top + 20}">'
            f"{html.escape(said)}</text></g>"]
