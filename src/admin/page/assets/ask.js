/** Requests to the admin API, answered with JSON or an Error of one line. */

/** @param {string} path @param {object} [body] sent as JSON by POST @returns {Promise<unknown>} */
export async function ask(path, body) {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  let response;
  try {
    // Not relative: an address with a password in it would be refused.
    response = await fetch(location.origin + path, body === undefined ? {} : post);
  } catch {
    throw new Error('the gateway does not answer');
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const { detail = `the gateway answers ${response.status}`, hint } = answer;
  throw new Error(hint === undefined ? detail : `${detail} (${hint})`);
}
