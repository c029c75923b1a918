/* What tests/test_browser.py does and looks at in benchopt's page, beside the
   page's own functions: state, isChart, getPlotData, getPlotDiv. */

const byId = id => document.getElementById(id);
const box = element => element.getBoundingClientRect();
const isShown = element => box(element).width > 0 && box(element).height > 0;
const overlap = (a, b) => Math.min(
  Math.min(box(a).right, box(b).right) - Math.max(box(a).left, box(b).left),
  Math.min(box(a).bottom, box(b).bottom) - Math.max(box(a).top, box(b).top));

const views = () => Object.keys(metadata.plot_configs);
const kinds = () => Object.keys(_plots);

/* Controls of the present chart that the page offers: id -> values, the
   present one first. */
const controls = () => {
  const kind = state().plot_kind;
  const lists = [...document.querySelectorAll(
    `select[id^="change_${kind}_"], #change_scale`)];
  const switches = [...document.querySelectorAll(
    'input[type=checkbox][id^="change_"]')];
  const found = {};
  lists.filter(isShown).forEach(list => {
    const values = [...list.options].filter(
      option => option.style.display !== 'none').map(option => option.value);
    found[list.id] ??= [...new Set([list.value, ...values])];
  });
  switches.filter(item => isShown(item.parentElement)).forEach(item => {
    found[item.id] ??= [item.checked, !item.checked];
  });
  return found;
};

const property = control => control.type === 'checkbox' ? 'checked' : 'value';
const chosen = id => byId(id)[property(byId(id))];

/* Set a control as a user does. */
const choose = (id, value) => {
  byId(id)[property(byId(id))] = value;
  byId(id).dispatchEvent(new Event('change', {bubbles: true}));
};

const openView = name => [
  ...document.querySelectorAll('#view-tabs span.view')].find(
  tab => tab.textContent === name).click();

const rows = () => [...document.querySelectorAll('#table_container tbody tr')];

const tableDefects = () => {
  const expected = getPlotData().data.length;
  const cut = [...document.querySelectorAll('.gridjs-th-content')].filter(
    heading => heading.scrollWidth > heading.clientWidth);
  return [
    expected === 0 && 'empty table',
    rows().length !== expected
      && `${rows().length} of ${expected} rows are shown`,
    ...cut.map(heading => `heading is cut: ${heading.textContent}`)];
};

const imageDefects = () => {
  const images = [...document.querySelectorAll('#image_container img')];
  return [
    images.length === 0 && 'no image',
    images.some(image => !image.complete) && 'an image is not loaded',
    images.some(image => image.complete && image.naturalWidth === 0)
      && 'broken image',
    byId('image_container').innerText.includes('Incompatible')
      && 'incompatible image'];
};

const sizeDefects = () => {
  const figure = getPlotDiv(), drawing = figure.querySelector('.main-svg');
  if (!drawing) return ['no figure'];
  // Plotly leaves a pixel, and sizes are rounded.
  return [
    (Math.abs(box(drawing).width - figure.clientWidth) > 2
      || Math.abs(box(drawing).height - figure.clientHeight) > 2)
      && 'figure does not fit its box'];
};

/* What the picture lacks to be complete. It has to look the same twice:
   tables fill by and by, figures are fitted to the window once drawn. */
let before;
const missing = () => {
  if (!getPlotData()) return [];
  const now = ['table', 'image', 'plot'].map(
    kind => byId(`${kind}_container`).innerHTML).join();
  const changed = now !== before;
  before = now;
  const own = isChart('table') ? tableDefects()
    : isChart('image') ? imageDefects() : sizeDefects();
  return [changed && 'picture still changes', ...own].filter(Boolean);
};

/* Can a value be seen on an axis? Those of bars and boxes may be texts. */
const canBeSeen = (value, axis) => value === undefined
  || typeof value === 'string'
  || (Number.isFinite(value) && (axis.type !== 'log' || value > 0));

/* A curve may be missing if the axis title names it: "never reach it: ...". */
const emptyTraces = (figure, layout) => figure._fullData.filter(
  trace => !layout.xaxis.title.text?.includes(trace.name)
    && !Array.from(trace.y ?? []).some(
      (y, i) => canBeSeen(y, layout.yaxis)
        && canBeSeen(trace.x?.[i], layout.xaxis)));

/* What names a curve, an axis, a column, a picture or a view. */
const NAMES = {
  chart: '.gtitle, .xtitle, .ytitle, .xtick text, .ytick text, '
    + '.annotation-text, #plot_legend .curve',
  table: '#table_container h2, .gridjs-th-content, .gridjs-tr td:first-child',
  image: '#image_container h2, #image_container img, '
    + '#image_container .text-gray-700',
};

const isCut = element => [element, element.parentElement].some(
  each => getComputedStyle(each).overflowX === 'hidden'
    && each.scrollWidth > each.clientWidth + 1);

/* Names that are read only after scrolling, or not at all. */
const hiddenNames = () => {
  const kind = ['table', 'image'].find(isChart) ?? 'chart';
  const names = [...document.querySelectorAll(
    `${NAMES[kind]}, #view-tabs span`)].filter(isShown);
  return names.filter(name => box(name).left < 0 || box(name).top < 0
    || box(name).right > document.documentElement.clientWidth
    || box(name).bottom > innerHeight || isCut(name)).map(
    name => `outside the window or cut: ${name.textContent || name.alt}`);
};

/* Curves that nothing names, and lines without their note. */
const unnamed = () => {
  if (!isChart('scatter')) return [];
  const texts = selector => [...document.querySelectorAll(selector)].filter(
    isShown).map(element => element.textContent);
  const legend = texts('#plot_legend .curve');
  const notes = texts('.annotation-text').map(text => text.slice(0, 8));
  return getPlotData().data.flatMap(({label, note}) => [
    !legend.includes(label) && `not in the legend: ${label}`,
    note && isVisible(label) && !notes.includes(note.slice(0, 8))
      && `no note at: ${label}`]);
};

/* Titles; benchopt labels powers of ten only, so that a scale that the user
   chooses may leave an axis bare and its title on the axis; nor does a
   logarithmic one show points at zero. */
const textDefects = (find, plot, frame) => {
  const titles = find('.gtitle, .xtitle, .ytitle');
  const outside = titles.filter(title => box(title).left < frame.left - 1
    || box(title).right > frame.right + 1 || box(title).top < frame.top - 1
    || box(title).bottom > frame.bottom + 1);
  const ticks = find('.xtick text, .ytick text');
  const inFront = [plot, ...ticks, ...find('.modebar-group')];
  const crossing = titles.filter(
    title => inFront.some(other => overlap(title, other) > 1));
  return [
    ...outside.map(title => `title leaves the figure: ${title.textContent}`),
    ...crossing.map(title => `title over something: ${title.textContent}`)];
};

const figureDefects = scaleOfPage => {
  const figure = getPlotDiv(), layout = figure._fullLayout;
  const find = selector => [...figure.querySelectorAll(selector)];
  const frame = box(figure), size = layout._size;
  const plot = {getBoundingClientRect: () => new DOMRect(
    frame.left + size.l, frame.top + size.t, size.w, size.h)};
  const marks = find('.point, .js-line, .box').filter(
    mark => overlap(mark, plot) > -1);
  const others = [...document.querySelectorAll(
    '#view-tabs, #legend_container, .h-screen')].filter(isShown).filter(
    other => overlap(other, figure) > 1);
  return [
    getPlotData().data.length === 0 && 'no traces',
    marks.length === 0 && 'nothing is drawn',
    ...(layout.annotations ?? []).map(({text}) => text).filter(
      text => !getPlotData().data.some(trace => trace.note === text)),
    ...(scaleOfPage ? emptyTraces(figure, layout).map(
      trace => `empty trace ${trace.name}`) : []),
    ...(scaleOfPage ? textDefects(find, plot, frame) : []),
    ...others.map(other => `figure over ${other.id || 'the controls'}`)];
};

/* Controls that a click would miss: another element is in front of them. */
const coveredControls = () => Object.keys(controls()).filter(id => {
  const target = byId(id).closest('label') ?? byId(id);
  target.scrollIntoView({block: 'center'});
  const {left, top, width, height} = box(target);
  const front = document.elementFromPoint(left + width / 2, top + height / 2);
  return !target.contains(front);
}).map(id => `covered: ${id}`);

/* What is wrong with a complete picture. */
const defects = scaleOfPage => {
  if (!getPlotData()) return ['no data for this choice'];
  const own = isChart('table') || isChart('image') ? []
    : figureDefects(scaleOfPage);
  const names = scaleOfPage ? [...hiddenNames(), ...unnamed()] : [];
  const covered = coveredControls();
  window.scrollTo(0, 0);
  return [...own, ...names, ...covered].filter(Boolean);
};
