/** `npm run dashboards`: writes Grafana's JSON of every dashboard into the Helm chart. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dashboardFiles } from './files.ts';

for (const { path, text } of dashboardFiles()) {
  mkdirSync(new URL('.', path), { recursive: true });
  writeFileSync(path, text);
}
