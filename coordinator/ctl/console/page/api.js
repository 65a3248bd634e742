// The console's own server: JSON over HTTP, with the page's token.

const storageName = 'interlock.token';
let token = '';

// From the address, once; then from this tab's own storage, so that a reload works. The address bar
// does not keep it.
export function takeToken() {
  const given = /^#token=([0-9a-f]+)$/.exec(location.hash);
  if (given) {
    sessionStorage.setItem(storageName, given[1]);
    history.replaceState(null, '', location.pathname + '#/overview');
  }
  token = sessionStorage.getItem(storageName) ?? '';
  return token !== '';
}

export function tokenProtocols() {
  return ['interlock.console', `token.${token}`];
}

// The message is a sentence for the operator; `reason` is a word: refused, unavailable, token ...
export class ApiError extends Error {
  constructor(sentence, reason, status) {
    super(sentence);
    this.reason = reason;
    this.status = status;
  }
}

export function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given).toString();
  return ask(`/api/${path}${search ? `?${search}` : ''}`, { method: 'GET' });
}

export function post(path, body) {
  return ask(`/api/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
  });
}

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, {
      ...options,
      headers: { ...options.headers, Authorization: `Bearer ${token}` },
    });
  } catch {
    throw new ApiError('interlockctl console does not answer: is it still running?', 'gone', 0);
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw new ApiError(
    body.error ?? `The console answered ${answer.status}.`,
    body.reason ?? 'failed',
    answer.status,
  );
}
