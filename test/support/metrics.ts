/** What a gateway's /metrics say. */

/** Sum of the samples whose line matches, as of now. */
export async function metric(adminUrl: string, pattern: RegExp): Promise<number> {
  const response = await fetch(`${adminUrl}/metrics`);
  const text = await response.text();
  if (!response.ok) throw new Error(`${adminUrl}/metrics: ${response.status} ${text.slice(0, 200)}`);
  let sum = 0;
  for (const line of text.split('\n')) if (pattern.test(line)) sum += Number(line.split(' ').at(-1));
  return sum;
}
