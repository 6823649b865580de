// Where in the page one is, and by what one looks: both stand in the address, so that a view can be
// kept, sent to a colleague, and gone back to: "#history?domain=example.com&outcome=check_tls".

export function currentView() {
  return location.hash.slice(1).split('?')[0] || 'domains';
}

export function currentFilters() {
  return Object.fromEntries(new URLSearchParams(location.hash.split('?')[1] ?? ''));
}

export function linkTo(view, filters = {}) {
  const query = new URLSearchParams(
      Object.entries(filters).filter(([, value]) => value !== '' && value !== undefined));
  const text = query.toString();
  return `#${view}${text === '' ? '' : `?${text}`}`;
}

// Notes the filters of the view that is shown, without going anywhere.
export function keepFilters(filters) {
  history.replaceState(null, '', linkTo(currentView(), filters));
}
