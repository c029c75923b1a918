
/* Figures whose words fit. benchopt's script, above, passes each figure to
   Plotly; here it is changed first. Other benchmarks have no such chart. */
if ('cost_to_accuracy' in window._plots) {
  /* page.py stores equal figures, traces and values once, by their places. */
  const {once: packed, ...plots} = window._plots;
  const once = JSON.parse(packed);
  const read = place => {
    const [keys, ...values] = once[place];
    return Object.fromEntries(
      once[keys].map((key, i) => [key, once[values[i]]]));
  };
  Object.values(plots).forEach(pictures => {
    Object.entries(pictures).forEach(([options, place]) => {
      if (typeof place === 'number') {
        const picture = read(place);
        pictures[options] = {...picture, data: picture.data.map(read)};
      }
    });
  });
  window._plots = plots;

  document.body.classList.add('one-window');
  document.querySelector('#legend_container span').textContent =
    'Hover over a legend entry for a description of the method; ' +
    'click to hide it, double-click to hide all others.';

  const TITLE = 13, LABEL = 13, ENTRY = 14;  // px; entries are not smaller
  const LINE = 1.3;  // of their size
  const pen = document.createElement('canvas').getContext('2d');

  /* Break lines that are longer than so many pixels. */
  const wrapped = (text, size, length) => {
    pen.font = `${size}px ${MPL_LAYOUT.font.family}`;
    const lines = text.split(/<br *\/?>/).flatMap(line =>
      line.split(' ').reduce((lines, word) => {
        const longer = `${lines.at(-1)} ${word}`.trim();
        return pen.measureText(longer).width > length
          ? [...lines, word] : [...lines.slice(0, -1), longer];
      }, ['']));
    return lines.filter(line => line).join('<br>');
  };
  const height = (text, size) => LINE * size * text.split('<br>').length;

  /* Lines that are not methods are labelled in the figure. */
  const notes = ({xaxis, yaxis}) => getPlotData().data.filter(
    trace => trace.note && isVisible(trace.label)).map(trace => {
      const upright = trace.x[0] === trace.x.at(-1);
      const at = upright ? 0 : trace.x.length >> 1;
      const on = (axis, value) =>
        axis.type === 'log' ? Math.log10(value) : value;
      return {
        text: trace.note, showarrow: false, textangle: upright ? -90 : 0,
        x: on(xaxis, trace.x[at]), y: on(yaxis, trace.y[at]),
        xanchor: 'right', yanchor: upright ? 'bottom' : 'middle',
        font: {size: 11, color: '#444'}, bgcolor: 'rgba(255,255,255,.7)',
      };
    });

  const fitted = (figure, layout) => {
    const width = figure.clientWidth - 160;
    const title = wrapped(layout.title, TITLE, width);
    const x = wrapped(layout.xaxis.title ?? '', LABEL, width);
    const top = height(title, TITLE) + 16;
    const y = wrapped(layout.yaxis.title, LABEL,
      figure.clientHeight - top - height(x, LABEL) - 60);
    return {
      ...layout,
      title: {
        text: title, font: {size: TITLE}, xref: 'paper', x: .5,
        y: 1, yanchor: 'top', pad: {t: TITLE + 6},
      },
      xaxis: {...layout.xaxis, title: {text: x, font: {size: LABEL}}},
      yaxis: {...layout.yaxis, title: {text: y, font: {size: LABEL}}},
      margin: {t: top, r: 50, b: height(x, LABEL) + 40, l: 80},
      annotations: [...(layout.annotations ?? []), ...notes(layout)],
    };
  };

  /* As many columns as the height requires: style sheets cannot count. */
  const fitLegend = () => {
    const legend = document.getElementById('plot_legend');
    const entries = legend.children.length;
    const columns = Math.ceil(entries * ENTRY / legend.clientHeight);
    legend.style.setProperty('--rows', Math.ceil(entries / columns) || 1);
  };

  const {react, relayout} = Plotly;
  Plotly.react = (figure, data, layout) => {
    if (isChart('scatter')) fitLegend();
    return react(figure, data, fitted(figure, layout));
  };

  /* benchopt labels only powers of ten on logarithmic axes; where there are
     not two of them, Plotly's own ticks are better. */
  Plotly.relayout = (figure, update) => {
    const kept = Object.entries(update).filter(([key]) => {
      const {range} = figure._fullLayout[key.split('.')[0]] ?? {};
      return !key.endsWith('.dtick') || range[1] - range[0] > 2;
    });
    return kept.length && relayout(figure, Object.fromEntries(kept));
  };

  let pause;
  window.addEventListener('resize', () => {
    clearTimeout(pause);
    pause = setTimeout(() => setState({}), 200);
  });
}
