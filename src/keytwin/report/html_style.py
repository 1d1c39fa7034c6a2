"""How reports look: on a desk, on a telephone, in the dark and on A4. No font and no picture is fetched."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from keytwin.drawing.theme import darkened

LIGHT: Final = MappingProxyType(
    {
        "paper": "#ffffff",
        "ink": "#1f2933",
        "soft": "#55606c",
        "line": "#c3cbd3",
        "head": "#eef2f6",
        "link": "#0b5c8f",
        "good": "#00624a",
        "good-fill": "#d8f1e8",
        "bad": "#8f3a00",
        "bad-fill": "#fbe6d6",
        "unsure": "#3f4a55",
        "unsure-fill": "#e6ecf2",
    }
)
DARK: Final = MappingProxyType(
    {
        "paper": "#161b22",
        "ink": "#e6edf3",
        "soft": "#a9b5c1",
        "line": "#3d4855",
        "head": "#212a34",
        "link": "#7cc3f0",
        "good": "#6fd6b4",
        "good-fill": "#123d32",
        "bad": "#f2a468",
        "bad-fill": "#4a2d14",
        "unsure": "#c3cbd3",
        "unsure-fill": "#2c3744",
    }
)
READ: Final = (
    *(("ink", ground) for ground in ("paper", "head")),
    *(("soft", ground) for ground in ("paper", "head")),
    ("link", "paper"),
    *((name, f"{name}-fill") for name in ("good", "bad", "unsure")),
    *((name, "paper") for name in ("good", "bad", "unsure")),
)
"""Which colours stand on which: each of them differs enough to be read by everybody (WCAG 2.2, 1.4.3)."""


def style_sheet() -> str:
    """Return the style sheet of a report."""
    drawings = "".join(
        f'figure [{what}="{light}"]{{{what}:{dark}}}'
        for light, dark in darkened().items()
        for what in ("fill", "stroke")
    )
    # Paper is white even where the screen is dark.
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{_named(DARK)}}}{drawings}}}"
    return f":root{{{_named(LIGHT)}}}\n{RULES}\n{dark}\n"


def _named(colours: MappingProxyType[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


RULES: Final = """
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI","DejaVu Sans",\
Verdana,sans-serif;overflow-wrap:anywhere}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:.2em 0 .3em}
h2{font-size:1.35rem;line-height:1.25;margin:2.6em 0 .6em;padding-top:.5em;border-top:2px solid var(--line)}
h3{font-size:1.05rem;margin:1.6em 0 .4em}
p,ul,ol,dl{margin:.6em 0;max-width:46rem}
a{color:var(--link)}
code{font-family:ui-monospace,"DejaVu Sans Mono",Consolas,monospace;font-size:.88em}
.soft,figcaption,caption{color:var(--soft)}
.soft{font-size:.92rem}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem}
.verdict{display:inline-block;padding:.08em .55em;border:1.5px solid currentColor;border-radius:.3em;font-weight:700;\
background:var(--unsure-fill);color:var(--unsure);border-style:dashed}
.verdict.good,.verdict.bad{white-space:nowrap}
.verdict.good{background:var(--good-fill);color:var(--good);border-style:solid}
.verdict.bad{background:var(--bad-fill);color:var(--bad);border-style:double;border-width:4px}
.answer{border:1px solid var(--line);border-radius:.5em;padding:1rem 1.2rem;margin:1.2rem 0;background:var(--head)}
.answer .verdict{font-size:1.5rem}
.answer .said{font-size:1.25rem;line-height:1.35;margin:.7em 0 .4em;font-weight:600}
.need{border:1px solid var(--line);border-radius:.5em;padding:.2rem 1.1rem .7rem;margin:1rem 0}
.need h3{margin:.8em 0 .3em}
blockquote{margin:.4em 0 .8em;padding:.1em 0 .1em 1em;border-left:4px solid var(--line);font-size:1.08rem}
dl>div{display:grid;grid-template-columns:9.5rem minmax(0,1fr);gap:0 1rem;padding:.22em 0}
dt{color:var(--soft)}
dd{margin:0}
dl{max-width:none}
.bar{display:block;max-width:100%;height:auto}
.bar .axis{stroke:var(--ink);stroke-width:1.5}
.bar .room{fill:var(--head);stroke:var(--line)}
.bar .good{fill:var(--good)}
.bar .bad{fill:var(--bad)}
.bar .unsure{fill:var(--unsure)}
.wide{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;width:100%;font-size:.92rem}
caption{text-align:left;padding:.3em 0;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.4em .6em;border-bottom:1px solid var(--line);min-width:3rem}
.proposals td:nth-child(3){min-width:13rem}
thead th{background:var(--head);border-bottom:2px solid var(--line);overflow-wrap:normal}
tbody th{font-weight:600}
th,td{overflow-wrap:break-word}
.long{overflow-wrap:anywhere}
details caption{display:none}
td ul{margin:0;padding-left:1.1em}
figure{margin:1.2rem 0;overflow-x:auto}
figure svg{display:block;max-width:100%;height:auto;min-width:min(100%,34rem)}
figcaption{font-size:.92rem;margin-top:.4em}
.lanes svg{background:#ffffff}
.lanes svg *{stroke-linejoin:round;stroke-linecap:butt}
details{margin:.6rem 0}
summary{cursor:pointer;font-weight:600;padding:.3em 0}
.told{word-break:break-all}
.typed{display:block;margin:.3em 0;padding:.35em .6em;background:var(--head);border-radius:.3em;white-space:pre-wrap}
@media (max-width:40rem){
h1{font-size:1.5rem}
dl>div{grid-template-columns:minmax(0,1fr);padding:.35em 0}
figure svg{min-width:34rem}
figure.large svg{min-width:56rem}
table{min-width:40rem}
table.narrow{min-width:0}
.need{padding:.2rem .8rem .6rem}
}
@media print{
@page{size:A4;margin:16mm 14mm 18mm;@bottom-right{content:counter(page);font:9pt sans-serif}}
html{font-size:10pt}
main{max-width:none;padding:0}
nav{display:none}
h1{font-size:19pt}
h2{font-size:14pt;margin-top:1.6em}
h2,h3,caption,thead,summary,blockquote,p:has(+ul),p:has(+.wide){break-after:avoid}
figure svg{break-after:avoid}
.answer,figure,tr,dl>div,li{break-inside:avoid}
.need{box-decoration-break:clone;-webkit-box-decoration-break:clone}
.wide,figure{overflow:visible}
thead{display:table-header-group}
table{font-size:8.5pt}
th,td{padding:.25em .4em;min-width:0}
.proposals td:nth-child(3){min-width:0}
tr:first-child{break-before:avoid}
figure svg{min-width:0;max-height:225mm;width:auto;margin:0 auto}
details:not([open]){display:none}
a{color:inherit;text-decoration:none}
.verdict,.answer,thead th,.bar,.typed{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
@media screen and (min-width:64rem){
figure.large{width:min(96vw,90rem);margin-left:calc(50% - min(48vw,45rem))}
figure.large figcaption{max-width:46rem;margin:.4em auto}
}
"""
