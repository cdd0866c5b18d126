// Replaces parts of the page with those that the server sends once a second.

const status = document.querySelector('#connection');
const events = new EventSource('events');
const shown = new Map();

events.addEventListener('view', ({ data }) => {
  const { parts } = JSON.parse(data);
  for (const [id, markup] of Object.entries(parts)) {
    // An unchanged part stays in place: it keeps the focus, and a screen reader does not repeat it.
    if (shown.get(id) === markup) continue;
    shown.set(id, markup);
    document.getElementById(id).innerHTML = markup;
  }
  status.textContent = 'Live: updated once a second.';
});
events.addEventListener('over', () => {
  events.close();
  status.textContent = 'homeveil has stopped. These are its last conclusions.';
});
events.addEventListener('error', () => {
  if (events.readyState !== EventSource.CLOSED) status.textContent = 'The connection to homeveil was lost.';
});

// Sends forms without reloading the page.
document.addEventListener('submit', async (event) => {
  const form = event.target;
  event.preventDefault();
  const problem = document.querySelector('#problem');
  const response = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) }).catch(
    () => null,
  );
  problem.textContent = response === null ? 'homeveil does not answer.' : response.ok ? '' : await response.text();
});
