/**
 * The page's style sheet. Colours of ways of sharing follow Okabe and Ito's palette, which people with any colour vision tell apart,
 * darkened or lightened until each has a contrast of 3 to 1 with its ground; shapes say the same without colours.
 */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #fff; --ink: #1b1f24; --quiet: #59616b; --line: #d9dde2; --panel: #f6f7f9; --shade: #e6e9ee;
  --redis: #c24e00; --mesh: #0068a8; --gossip: #00805c; --leader: #a5447f; --random-leaders: #8a6a00; --other: #1b1f24;
  --none: #6b7280; --split: #6b7280; --yes: #00704f; --no: #b3261e; --partly: #7a5c00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --ink: #e8eaed; --quiet: #a2abb5; --line: #343a42; --panel: #1c2025; --shade: #2a3038;
    --redis: #ff8a3d; --mesh: #5ab7f0; --gossip: #35c79a; --leader: #e392c2; --random-leaders: #e8c440; --other: #e8eaed;
    --none: #949ca6; --split: #949ca6; --yes: #4fd0a5; --no: #ff8f86; --partly: #e8c440;
  }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #fff; --ink: #000; --quiet: #444; --line: #bbb; --panel: #fff; --shade: #e8e8e8;
    --redis: #c24e00; --mesh: #0068a8; --gossip: #00805c; --leader: #a5447f; --random-leaders: #8a6a00; --other: #000;
    --none: #6b7280; --split: #6b7280; --yes: #00704f; --no: #b3261e; --partly: #7a5c00;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 88rem; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0.5rem 0; }
h2 { font-size: 1.15rem; margin: 1.8rem 0 0.6rem; }
h3 { font-size: 0.95rem; margin: 0; }
p { margin: 0.4rem 0; max-width: 70ch; }
dl { display: flex; flex-wrap: wrap; gap: 0.3rem 1.6rem; margin: 0.6rem 0; }
dl > div { display: flex; gap: 0.5rem; }
dt { color: var(--quiet); }
dd { margin: 0; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: 0.8rem; border: 1px solid var(--line); border-radius: 8px; background: var(--panel);
  min-width: 0; display: flex; flex-direction: column; break-inside: avoid; }
figure > svg { display: block; width: 100%; height: auto; max-width: 30rem; margin: 0.5rem auto; }
figcaption p { font-size: 0.82rem; color: var(--quiet); margin: 0; max-width: none; }
.keys { list-style: none; margin: 0.4rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; font-size: 0.82rem; }
.keys li { display: flex; align-items: center; gap: 0.3rem; }
.nothing { margin: auto; padding: 3rem 1rem; color: var(--quiet); text-align: center; }
.caption { margin-top: auto; padding-top: 0.3rem; }
svg text { font: 12.5px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--quiet); }
@media (max-width: 30rem) { body { padding: 0.6rem; } figure { padding: 0.6rem; } }
svg text.title { fill: var(--ink); }
svg .grid { stroke: var(--line); fill: none; }
svg .axis { stroke: var(--quiet); fill: none; }
svg .zero { fill: var(--shade); opacity: 0.55; }
svg .fault { fill: var(--shade); }
svg .lead { stroke: var(--quiet); fill: none; stroke-width: 0.8; }
svg .right { stroke: var(--quiet); fill: none; stroke-dasharray: 2 3; }
svg .way { color: var(--other); }
${['redis', 'mesh', 'gossip', 'leader', 'random-leaders', 'none', 'split'].map((way) => `svg .way.${way} { color: var(--${way}); }`).join('\n')}
svg .line { stroke: currentColor; fill: none; stroke-width: 1.8; stroke-linejoin: round; }
svg .dashed { stroke-dasharray: 5 4; }
svg .bar { stroke: currentColor; fill: none; stroke-width: 1.2; }
svg .mark { fill: currentColor; stroke: var(--panel); stroke-width: 1; }
svg .mark.counted { fill: var(--panel); stroke: currentColor; stroke-width: 1.6; }
svg .dot { fill: var(--panel); pointer-events: none; }
svg .shape { fill: currentColor; opacity: 0.75; }
svg .quantile { stroke: var(--ink); stroke-width: 1.6; fill: none; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
.scroll:focus-visible { outline: 3px solid var(--mesh); outline-offset: 2px; }
table { border-collapse: collapse; font-size: 0.82rem; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; padding: 0.5rem 0.6rem; color: var(--quiet); }
th, td { padding: 0.3rem 0.6rem; text-align: right; border-top: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
thead th { border-top: 0; vertical-align: bottom; color: var(--quiet); font-weight: 600; white-space: normal; }
tbody th { text-align: left; font-weight: 600; position: sticky; left: 0; background: var(--ground); }
thead th:first-child { text-align: left; }
td small, th small { display: block; color: var(--quiet); font-weight: 400; }
td.seeds { white-space: normal; min-width: 6rem; }
tr.first > * { border-top: 2px solid var(--quiet); }
.verdicts { padding: 0; list-style: none; display: grid; gap: 0.5rem; }
.verdicts li { border-left: 4px solid var(--line); padding-left: 0.7rem; }
.verdicts .yes { border-color: var(--yes); } .verdicts .no { border-color: var(--no); } .verdicts .partly { border-color: var(--partly); } .verdicts .unclear { border-color: var(--none); }
.verdicts strong { margin-right: 0.4rem; }
.yes strong { color: var(--yes); } .no strong { color: var(--no); } .partly strong { color: var(--partly); }
footer { margin-top: 2rem; color: var(--quiet); font-size: 0.82rem; }
@media print {
  @page { size: A4; margin: 12mm; }
  @page numbers { size: A4 landscape; margin: 10mm; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  .plots { grid-template-columns: 1fr 1fr; gap: 4mm; }
  .numbers { page: numbers; }
  .scroll { overflow: visible; border: 0; }
  table { font-size: 5.8pt; }
  th, td { padding: 0.6mm 0.8mm; }
  td.seeds { min-width: 0; }
  tbody th { position: static; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
}
`.trim();
