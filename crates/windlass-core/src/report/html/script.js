(() => {
  'use strict';
  const root = document.documentElement;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  root.classList.add('js');

  const themes = ['system', 'light', 'dark'];
  const remember = (theme) => { try { localStorage.setItem('windlass-theme', theme); } catch { /* a file may have no storage */ } };
  const remembered = () => { try { return localStorage.getItem('windlass-theme'); } catch { return null; } };
  const button = one('theme');
  const wear = (theme) => {
    if (theme === 'system') delete root.dataset.theme; else root.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
    button.dataset.now = theme;
  };
  wear(themes.includes(remembered()) ? remembered() : 'system');
  button.addEventListener('click', () => {
    const next = themes[(themes.indexOf(button.dataset.now) + 1) % themes.length];
    wear(next);
    remember(next);
  });

  // What is in a folded card is not read by the browser until somebody wants it.
  const unfold = (details) => {
    const held = details.querySelector(':scope > .body > noscript');
    if (held) held.parentNode.innerHTML = held.textContent;
  };
  const unfoldAll = () => { for (const it of all('.card > details')) unfold(it); };
  document.addEventListener('toggle', (event) => { if (event.target.open) unfold(event.target); }, true);

  const items = all('.card[data-action], .same [data-action]');
  const filters = all('[data-filter]');
  const find = one('find');
  const shown = one('shown');
  const nodes = all('.node[data-node]');
  const edges = all('.edge');
  const choose = () => {
    const chosen = filters.filter((it) => it.getAttribute('aria-pressed') === 'true').map((it) => it.dataset.filter);
    const words = find ? find.value.trim().toLowerCase() : '';
    if (words) unfoldAll();
    let count = 0;
    const visible = new Set();
    for (const item of items) {
      const fits = (!chosen.length || chosen.includes(item.dataset.action)) && (!words || item.textContent.toLowerCase().includes(words));
      item.hidden = !fits;
      if (fits) { count += 1; visible.add(item.id); }
    }
    for (const list of all('.same')) list.hidden = !list.querySelector('li:not([hidden])');
    const some = chosen.length > 0 || words !== '';
    for (const node of nodes) node.classList.toggle('dim', some && node.matches('a') && !visible.has(node.dataset.node));
    if (shown) shown.textContent = some ? `${count} of ${items.length} images shown` : '';
  };
  for (const filter of filters) {
    filter.addEventListener('click', () => {
      filter.setAttribute('aria-pressed', String(filter.getAttribute('aria-pressed') !== 'true'));
      choose();
    });
  }
  if (find) {
    find.addEventListener('input', choose);
    const open = (state) => () => {
      if (state) unfoldAll();
      for (const it of all('.card > details')) it.open = state;
    };
    one('open-all').addEventListener('click', open(true));
    one('close-all').addEventListener('click', open(false));
    document.addEventListener('keydown', (event) => {
      const typing = event.target instanceof HTMLInputElement;
      if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); find.focus(); }
      if (event.key === 'Escape' && typing) { find.value = ''; choose(); }
    });
  }

  const light = (id, on) => {
    for (const edge of edges) {
      if (edge.dataset.from === id || edge.dataset.to.split(' ').includes(id)) edge.classList.toggle('on', on);
    }
  };
  for (const node of nodes) {
    const id = node.dataset.node;
    for (const event of ['pointerenter', 'focus']) node.addEventListener(event, () => light(id, true));
    for (const event of ['pointerleave', 'blur']) node.addEventListener(event, () => light(id, false));
  }

  const arrive = () => {
    let id = '';
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const item = id && one(id);
    if (!item || !item.dataset.action) return;
    if (item.hidden) {
      for (const filter of filters) filter.setAttribute('aria-pressed', 'false');
      find.value = '';
      choose();
    }
    const details = item.querySelector(':scope > details');
    if (details) { unfold(details); details.open = true; }
    item.scrollIntoView();
    item.focus({ preventScroll: true });
  };
  addEventListener('hashchange', arrive);
  arrive();
})();
