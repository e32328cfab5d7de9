/** A report as one page that needs nothing else: it can be mailed, printed, and read without a network. */
import { createHash } from 'node:crypto';
import { legendMark, nameOf } from './marks.ts';
import type { Report, VerdictNote } from './model.ts';
import { showSeconds } from './numbers.ts';
import { realitySection } from './page-reality.ts';
import { PAGE_STYLE } from './page-style.ts';
import { numbersTable } from './page-table.ts';
import type { Plot } from './plot.ts';
import { latencyPlot } from './plot-latency.ts';
import { agreementPlot, intervalPlot, messagesPlot } from './plot-lines.ts';
import { paretoPlot } from './plot-pareto.ts';
import { recoveryPlot } from './plot-recovery.ts';
import { escapeText } from './svg.ts';

/** The same report gives the same bytes. No script, nothing loaded: the page's own policy forbids both. */
export function reportPage(report: Report): string {
  const plots = [
    messagesPlot(report),
    intervalPlot(report),
    latencyPlot(report),
    recoveryPlot(report),
    paretoPlot(report),
    agreementPlot(report),
  ];
  const hash = createHash('sha256').update(PAGE_STYLE).digest('base64');
  const title = `Sluice lab: ${report.scenario}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeText(title)}</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>${escapeText(title)}</h1>
<p>${escapeText(report.setup.description)}</p>
${setupList(report)}
</header>
<main>
${verdictList(report.verdicts)}<section aria-labelledby="plots">
<h2 id="plots">What each way of sharing costs</h2>
<div class="plots">
${plots.map(figure).join('\n')}
</div>
</section>
<section class="numbers" aria-labelledby="numbers">
<h2 id="numbers">All numbers</h2>
${numbersTable(report)}
</section>
${realitySection(report.reality ?? [])}<section aria-labelledby="reading">
<h2 id="reading">How to read them</h2>
<p><b>Over the limit</b>: the largest excess over the limit in any window, as a part of the limit. <b>False denials</b>: the part of the offered units that was refused although a single limiter that sees all requests at once admits them. <b>Time to agree</b>: from the last request until all hosts hold the same count.</p>
<p><b>none</b> shares nothing: each host admits the whole limit. <b>split</b> shares nothing either: each host admits the limit divided by the number of hosts.</p>
<p>Each row has been run once for each of its seeds. Numbers are means over these runs, and confidence intervals are by Student’s t, cut at 0. Rows marked <i>counted</i> have not been run: their messages follow from a formula. Rows marked <i>live</i> are real gateways.</p>
</section>
</main>
<footer>Report version ${report.version}, seed ${report.seed}. ${report.reality === undefined ? 'The same seed gives the same page, byte for byte.' : 'The same seed gives the same requests; real gateways answer a little differently each time.'}</footer>
</body>
</html>
`;
}

function setupList({ setup }: Report): string {
  const facts = [...setup.facts, ['interval', showSeconds(setup.intervalSeconds)] as const];
  const items = facts.map(([name, value]) => `<div><dt>${escapeText(name)}</dt><dd>${escapeText(value)}</dd></div>`);
  return `<dl>${items.join('')}</dl>`;
}

const SAYS = { yes: 'Holds.', no: 'Does not hold.', partly: 'Holds in part.', unclear: 'Unclear.' } as const;

function verdictList(verdicts: readonly VerdictNote[]): string {
  if (verdicts.length === 0) return '';
  const items = verdicts.map(
    ({ claim, holds, why }) =>
      `<li class="${holds}"><strong>${SAYS[holds]}</strong>${escapeText(claim)}<br><small>${escapeText(why)}</small></li>`,
  );
  return `<section aria-labelledby="verdicts">
<h2 id="verdicts">What was to be shown</h2>
<ul class="verdicts">${items.join('\n')}</ul>
</section>
`;
}

function figure({ id, title, caption, picture, keys }: Plot): string {
  const items = keys.map(
    ({ way, source }) =>
      `<li>${legendMark(way, source)}${escapeText(nameOf(way, source))}${source === 'counted' ? ' (counted)' : ''}</li>`,
  );
  const legend = items.length === 0 ? '' : `\n<ul class="keys">${items.join('')}</ul>`;
  return `<figure id="${id}">
<h3>${escapeText(title)}</h3>${legend}
${picture ?? '<p class="nothing">No row of this report has these numbers.</p>'}
<figcaption class="caption"><p>${escapeText(caption)}</p></figcaption>
</figure>`;
}
