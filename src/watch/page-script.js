// Puts what the server sends once a second in the place of what the page was loaded with.

const status = document.querySelector('#connection');
const events = new EventSource('events');
const shown = new Map();

events.addEventListener('view', ({ data }) => {
  const { parts } = JSON.parse(data);
  for (const [id, markup] of Object.entries(parts)) {
    // What stays as it is keeps the reader's focus, and is not read out again.
    if (shown.get(id) === markup) continue;
    shown.set(id, markup);
    document.getElementById(id).innerHTML = markup;
  }
  status.textContent = 'Live: renewed once a second.';
});
events.addEventListener('over', () => {
  events.close();
  status.textContent = 'homeveil has ended: these are its last conclusions.';
});
events.addEventListener('error', () => {
  if (events.readyState !== EventSource.CLOSED) status.textContent = 'The connection to homeveil is lost.';
});

// Without this, forms are sent as forms are, and the page loads anew.
document.addEventListener('submit', async (event) => {
  const form = event.target;
  event.preventDefault();
  const problem = document.querySelector('#problem');
  const response = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) }).catch(
    () => null,
  );
  problem.textContent = response === null ? 'homeveil does not answer.' : response.ok ? '' : await response.text();
});
