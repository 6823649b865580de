// The daemon's HTTP API, asked with the token that was typed in at the sign-in form.
//
//   const answer = await get('/v1/domains', {text: 'example'}, signal);
//   await send('POST', '/v1/queue:retry', {message: id});
//
// The token lives in sessionStorage, so it is gone with the tab, and travels in a header that no
// other site can make a browser send: there are no cookies, and so nothing to forge a request with.
// A refusal is thrown as an ApiError. When the daemon no longer takes the token, `onSignedOut` is
// called first.

const kToken = 'sluice.token';

export class ApiError extends Error {
  // `faults`: [{line, reason}], where single fields or rows were at fault.
  constructor(status, code, message, faults = []) {
    super(message);
    this.status = status;
    this.code = code;
    this.faults = faults;
  }
}

let signedOut = () => {};
export function onSignedOut(listener) {
  signedOut = listener;
}

export function hasToken() {
  return sessionStorage.getItem(kToken) !== null;
}

export function setToken(token) {
  sessionStorage.setItem(kToken, token);
}

export function forgetToken() {
  sessionStorage.removeItem(kToken);
}

// The parameters of a query that have a value.
function queryOf(parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== '' && value !== null && value !== undefined) query.set(name, value);
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

async function ask(method, url, {body, signal} = {}) {
  const headers = {Authorization: `Bearer ${sessionStorage.getItem(kToken) ?? ''}`};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(url, {
      method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store', credentials: 'omit', redirect: 'error'});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'unreachable', '');
  }
  const answer = await response.json().catch((error) => {
    if (error.name === 'AbortError') throw error;
    return {};
  });
  if (response.ok) return answer;
  if (response.status === 401) {
    forgetToken();
    signedOut();
  }
  const {code = 'unknown', message = `HTTP ${response.status}`, faults} = answer.error ?? {};
  throw new ApiError(response.status, code, message, faults);
}

export function get(path, parameters = {}, signal) {
  return ask('GET', path + queryOf(parameters), {signal});
}

export function send(method, path, body, signal) {
  return ask(method, path, {body, signal});
}

export function remove(path, parameters = {}) {
  return ask('DELETE', path + queryOf(parameters));
}
