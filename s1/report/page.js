addEventListener('beforeprint', () => {
  // Paper cannot be unfolded; of each question it gets the run that the question was chosen for.
  for (const part of document.querySelectorAll('details:not(.run), details.featured')) part.open = true;
});
const filters = document.querySelector('.filters');
if (filters) {
  const said = filters.querySelector('output');
  const chosen = name => (filters.querySelector(`[name=${name}]`) || {value: ''}).value;
  const fits = (run, flip, setting) =>
    (!flip || run.dataset.flip === flip) && (!setting || run.dataset.setting === setting);
  const show = event => {
    const [benchmark, flip, setting] = ['benchmark', 'flip', 'setting'].map(chosen);
    const cases = [...document.querySelectorAll('.case')];
    let shown = 0;
    for (const one of cases) {
      const runs = [...one.querySelectorAll('.run')];
      for (const run of runs) run.hidden = !fits(run, flip, setting);
      const left = runs.filter(run => !run.hidden);
      one.hidden = !left.length || (benchmark !== '' && one.dataset.benchmark !== benchmark);
      shown += one.hidden ? 0 : 1;
      if (event && left.length === 1) left[0].open = true;
    }
    said.textContent = `${shown} of ${cases.length} questions`;
  };
  filters.addEventListener('change', show);
  filters.addEventListener('submit', event => event.preventDefault());
  filters.hidden = false;
  show();
}
