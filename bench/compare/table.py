"""Writes the comparison as a table in Markdown, between two marks of bench/RESULTS.md."""

from figures import FIGURES

BEGIN = "<!-- bench/compare/run writes from here -->"
END = "<!-- to here -->"


def _number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _rows(figure, values):
    """Of each kind of value of a figure: its name and peer -> value. What a peer does per second of
    CPU time is told where it is another number than what was seen."""
    seen = {peer: value[figure.key].seen for peer, value in values.items() if figure.key in value}
    yield f"{figure.title}, {figure.unit}", seen
    per_cpu = {peer: value[figure.key].per_cpu for peer, value in values.items()
               if figure.key in value and value[figure.key].per_cpu}
    if any(abs(per_cpu[peer] - seen[peer]) > 0.05 * seen[peer] for peer in per_cpu):
        yield "… per second of its CPU time", per_cpu


def render(values, peers, lines):
    """`values`: peer's name -> figure's key -> Value; `peers`: the Peer objects, Sluice first;
    `lines`: what stands below the table."""
    others = [peer for peer in peers if peer.name != "sluice"]
    titles = ["Figure", "Sluice", "best peer", "ratio", "demanded",
              *(peer.title for peer in others)]
    rows = [titles, ["---"] + ["---:"] * (len(titles) - 1)]
    for figure in FIGURES:
        for title, found in _rows(figure, values):
            if not found:
                continue
            rows.append([title, *_comparison(figure, found, others),
                         *(_number(found[peer.name]) if peer.name in found else "–"
                           for peer in others)])
    text = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return text + "\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"


def _comparison(figure, found, others):
    """Sluice's value, the best peer's, the ratio (above 1: Sluice is ahead), what is demanded."""
    own = found.get("sluice")
    theirs = {peer.title: found[peer.name] for peer in others if peer.name in found}
    best = (max if figure.more_is_better else min)(theirs, key=theirs.get) if theirs else None
    ratio = "–"
    if own and best and theirs[best]:
        ratio = own / theirs[best] if figure.more_is_better else theirs[best] / own
        ratio = f"{ratio:.1f}×"
    return [_number(own) if own is not None else "–",
            f"{best} {_number(theirs[best])}" if best else "–", ratio,
            f"{figure.demanded:g}×" if figure.demanded else "–"]


def write(path, text):
    """In the place of what stood there; a file without marks gets them at its end."""
    old = path.read_text("utf-8") if path.exists() else "# Results\n"
    block = f"{BEGIN}\n{text}{END}\n"
    begin, end = old.find(BEGIN), old.find(END)
    if 0 <= begin < end:
        new = old[:begin] + block + old[end + len(END):].removeprefix("\n")
    else:
        new = old.rstrip("\n") + "\n\n" + block
    path.write_text(new, "utf-8")
