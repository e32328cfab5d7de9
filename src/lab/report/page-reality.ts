/** The page's section that holds real gateways against their simulation. */
import type { RealityCheck } from './model.ts';
import { checkedNumber, showChecked, summaryOf } from './reality.ts';
import { escapeText } from './svg.ts';

const SAYS = { yes: 'agrees', no: 'differs', unclear: 'unknown' } as const;

/** Nothing where nothing was checked. */
export function realitySection(checks: readonly RealityCheck[]): string {
  if (checks.length === 0) return '';
  const rows = checks.map(
    ({ sharing, hosts, number, live, simulated, agrees, why }) =>
      `<tr class="${agrees}"><th scope="row">${escapeText(sharing)}</th><td>${hosts}</td><td>${checkedNumber(number).words}</td>` +
      `<td>${showChecked(number, live)}</td><td>${showChecked(number, simulated)}</td>` +
      `<td><strong>${SAYS[agrees]}</strong><small>${escapeText(why)}</small></td></tr>`,
  );
  return `<section class="numbers" aria-labelledby="reality">
<h2 id="reality">Simulation against reality</h2>
<div class="scroll" role="region" aria-labelledby="reality-caption" tabindex="0">
<table>
<caption id="reality-caption">${summaryOf(checks)}: their 95 % confidence intervals overlap, or they differ by no more than what is said.</caption>
<thead><tr><th scope="col">sharing</th><th scope="col">hosts</th><th scope="col">number</th><th scope="col">live</th><th scope="col">simulated</th><th scope="col">verdict</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</div>
</section>
`;
}
