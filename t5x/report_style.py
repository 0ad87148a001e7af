"""The style sheet of the run report: one page, light and dark, wide and narrow."""

from __future__ import annotations

from typing import Final

# The eight curve colours keep a contrast of at least 3:1 to the panel in either theme.
STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --panel: #ffffff; --ink: #17202b; --muted: #5c6775; --line: #dfe3e8;
  --grid: #e9ecf0; --soft: #f3f5f8; --accent: #14606b; --good: #17714a; --good-soft: #e0f3e9;
  --bad: #a8442a; --bad-soft: #fbeae4;
  --c0: #2563c9; --c1: #c9620c; --c2: #158060; --c3: #8b45c9; --c4: #c52f66; --c5: #0c8097;
  --c6: #7f7414; --c7: #8a5436;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1217; --panel: #161c23; --ink: #e4e9ef; --muted: #97a3b1; --line: #2a323c;
    --grid: #242c35; --soft: #1c232b; --accent: #6cc7d2; --good: #63d09b; --good-soft: #15352a;
    --bad: #f0967b; --bad-soft: #3a211a;
    --c0: #6ea3f7; --c1: #f09a4a; --c2: #45c39a; --c3: #bf8af2; --c4: #f2769f; --c5: #4cc0d6;
    --c6: #cdbf4f; --c7: #cf9673;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main, .masthead > div { max-width: 1180px; margin: 0 auto; padding: 0 28px; }
.masthead { background: var(--panel); border-bottom: 1px solid var(--line); padding: 40px 0 26px; }
.eyebrow {
  margin: 0 0 6px; color: var(--accent); font-size: 12px; font-weight: 650; letter-spacing: .09em;
  text-transform: uppercase;
}
h1 {
  margin: 0 0 20px; font-size: clamp(26px, 4vw, 36px); line-height: 1.15; font-weight: 680;
  letter-spacing: -.018em; overflow-wrap: anywhere; text-wrap: balance;
}
h2 { margin: 52px 0 4px; font-size: 22px; font-weight: 660; letter-spacing: -.012em; }
h3 { margin: 0; font-size: 15px; font-weight: 640; }
section { scroll-margin-top: 8px; }
.lead { margin: 0 0 18px; color: var(--muted); max-width: 78ch; }
.facts { display: flex; flex-wrap: wrap; gap: 14px 38px; margin: 0; }
.facts dt, .label { color: var(--muted); font-size: 12px; }
.facts dd { margin: 0; font-size: 17px; font-weight: 600; font-variant-numeric: tabular-nums; }
nav { display: flex; flex-wrap: wrap; gap: 4px 20px; margin-top: 22px; font-size: 14px; }
a { color: var(--accent); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; text-underline-offset: 3px; }
.note {
  margin: 12px 0; padding: 10px 14px; border: 1px solid var(--line); border-radius: 8px;
  background: var(--soft); color: var(--muted);
}
.panel {
  background: var(--panel); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px;
  min-width: 0;
}
.grid { display: grid; gap: 16px; }
.two { grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.three { grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); }
.chip {
  display: inline-block; width: 10px; height: 10px; margin-right: 8px; border-radius: 3px;
  background: var(--c);
}
.rows { padding-block: 6px; }
.rows article { display: grid; gap: 6px 24px; align-items: center; padding: 14px 0;
  grid-template-columns: minmax(150px, 250px) 140px minmax(0, 1fr) 186px; }
.rows article + article { border-top: 1px solid var(--grid); }
.rows h3 { overflow-wrap: anywhere; }
.score { margin: 0; font-size: 30px; line-height: 1.1; font-weight: 640; letter-spacing: -.02em;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
small { font-size: 13px; font-weight: 500; letter-spacing: 0; color: var(--muted); }
.bars { display: grid; grid-template-columns: minmax(0, 1fr) 172px; gap: 4px 12px;
  align-items: center; font-size: 12px; line-height: 1.3; color: var(--muted);
  font-variant-numeric: tabular-nums; }
.bars i { height: 6px; border-radius: 4px; background: var(--grid); display: block; }
.bars i.model { height: 10px; }
.bars i.model + span { color: var(--ink); }
.bars b { display: block; height: 100%; border-radius: 4px; background: var(--muted);
  opacity: .6; }
.bars .model b { background: var(--c); opacity: 1; }
.told { margin: 0; text-align: right; }
.verdict { display: inline-block; white-space: nowrap; border-radius: 99px; padding: 1px 9px;
  font-size: 12px;  font-weight: 600; background: var(--soft); color: var(--muted); }
.good { background: var(--good-soft); color: var(--good); }
.bad { background: var(--bad-soft); color: var(--bad); }
.curves { margin-bottom: 16px; }
.curves figure { margin: 0; }
.curves h3 { margin-bottom: 10px; }
.curves small { margin-left: 4px; }
.chart { display: block; width: 100%; height: auto; overflow: visible;
  font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
.three .chart { max-width: 420px; }
.chart .rule { stroke: var(--grid); }
.chart .axis { stroke: var(--muted); stroke-opacity: .6; }
.chart .tick { fill: var(--muted); font-variant-numeric: tabular-nums; }
.chart .name { fill: var(--c); font-weight: 600; }
.chart .line { fill: none; stroke: var(--c); stroke-width: 1.3; stroke-linejoin: round;
  stroke-linecap: round; }
.chart .bold { stroke-width: 2.2; }
.chart .dot { fill: var(--c); stroke: var(--panel); stroke-width: 1; }
.chart .cross { fill: none; stroke: var(--c); stroke-width: 1.8; }
.chart .leader { stroke: var(--c); stroke-opacity: .4; }
.chart .band rect { fill: transparent; }
.chart .band path { stroke: var(--ink); stroke-opacity: 0; }
.chart .band:hover path { stroke-opacity: .35; }
details { margin-top: 16px; }
summary { cursor: pointer; color: var(--accent); font-weight: 600; padding: 4px 0; }
details .grid { margin-top: 12px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 14px; text-align: right; border-top: 1px solid var(--grid); }
th { font-weight: 600; }
thead th { color: var(--muted); font-size: 12px; border-top: 0; white-space: nowrap; }
th:first-child { text-align: left; padding-left: 0; vertical-align: top; }
td.text, th.text { text-align: left; }
tbody + tbody tr:first-child > * { border-top-color: var(--line); border-top-width: 2px; }
tr.primary td.text { font-weight: 640; }
td.model { font-weight: 600; }
td.beats { color: var(--good); background: var(--good-soft); }
.task { margin-top: 18px; padding: 0; overflow: hidden; }
.task > header { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline;
  padding: 14px 20px; }
.task > header p { margin: 0; color: var(--muted); font-size: 13px; }
.task > header .right { margin-left: auto; }
.sample { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr));
  border-top: 1px solid var(--line); }
.cell { padding: 13px 20px 16px; border-left: 1px solid var(--grid); min-width: 0; }
.cell:first-child { border-left: 0; }
.cell > .label { display: flex; justify-content: space-between; gap: 8px; margin: 0 0 6px;
  min-height: 21px; }
.cell figure { margin: 2px 0 10px; text-align: center; }
.cell figure svg { max-width: 100%; height: auto; }
.cell .said { margin: 0; overflow-wrap: anywhere; max-height: 19em; overflow-y: auto;
  font-size: 14px; white-space: pre-wrap; }
.cell .code { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono",
  monospace; color: var(--muted); }
.cell .none { color: var(--muted); font-style: italic; }
.settings { display: grid; margin: 0; font-size: 14px; gap: 0 34px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); }
.settings div { display: flex; justify-content: space-between; gap: 18px; padding: 6px 0;
  border-top: 1px solid var(--grid); }
.settings dt { color: var(--muted); overflow-wrap: anywhere; }
.settings dd { margin: 0; text-align: right; overflow-wrap: anywhere; font-weight: 550; }
footer { margin: 56px 0 40px; padding-top: 16px; border-top: 1px solid var(--line);
  color: var(--muted); font-size: 13px; }
@media (max-width: 980px) {
  .rows article { grid-template-columns: 1fr auto; }
  .bars { grid-column: 1 / -1; }
  .told { grid-column: 1 / -1; text-align: left; }
}
@media (max-width: 760px) {
  main, .masthead > div { padding: 0 16px; }
  .panel { padding: 14px; }
  .task { padding: 0; }
  .sample { grid-template-columns: minmax(0, 1fr); }
  .cell { border-left: 0; padding: 10px 16px 12px; }
  .cell + .cell { border-top: 1px dashed var(--grid); }
}
@media print {
  body { background: none; }
  .panel, .sample { break-inside: avoid; }
  nav { display: none; }
}
"""
