"""How the report of an evaluation looks."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2230; --dim: #667; --line: #d9dce3; --paper: #fff; --soft: #f5f6f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ef; --dim: #9aa1b2; --line: #353b49; --paper: #161922; --soft: #1f2430; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 64rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p.about, .dim { color: var(--dim); }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .7rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
small { color: var(--dim); }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); }
svg .group { font-weight: 600; font-size: 13px; }
svg .grid { stroke: var(--line); fill: none; }
svg .whisker { stroke: var(--ink); stroke-width: 1.4; fill: none; }
svg .gain { stroke: #2f9e62; } svg .loss { stroke: #d1495b; }
.c0 { fill: #3d6fd1; background: #3d6fd1; } .c1 { fill: #e0923b; background: #e0923b; }
.c2 { fill: #3c9d7d; background: #3c9d7d; } .c3 { fill: #9b5fc0; background: #9b5fc0; }
.c4 { fill: #c9566b; background: #c9566b; } .c5 { fill: #5aa3c4; background: #5aa3c4; }
.c6 { fill: #8f8a3c; background: #8f8a3c; } .c7 { fill: #7b8494; background: #7b8494; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem; }
details[open] { background: var(--soft); }
summary { cursor: pointer; }
summary b { font-variant-numeric: tabular-nums; margin-right: .6rem; }
ol, ul { margin: .3rem 0 .6rem; padding-left: 1.6rem; }
li.right { color: #2f9e62; }
code { overflow-wrap: anywhere; }
"""
