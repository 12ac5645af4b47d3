// Draws the panels of a dashboard with Grafana's code, and reads what they show.
// Written here is only what no npm package of Grafana has: the frames that its server makes of Prometheus's answers, the
// transformation "Time series to table", the panel "State timeline", and the places of the panels.
const panels = (() => {
  const g = grafana;
  const h = g.createElement;
  const theme = g.createTheme({ colors: { mode: 'dark' } });
  const timeZone = 'utc';
  const OPTIONS = ['color', 'decimals', 'displayName', 'links', 'mappings', 'max', 'min', 'noValue', 'thresholds', 'unit'];
  const COLUMN = (window.innerWidth - 8) / 24;
  const ROW = 38;
  const GAP = 8;

  const field = (name, type, values) => ({ name, type, values, config: {} });
  const lastOf = (found) => g.reduceField({ field: found, reducers: ['lastNotNull'] }).lastNotNull;
  const text = (display) => g.formattedValueToString(display).trim();
  const shown = (name, display) => ({ name: name ?? '', text: text(display), colour: display.color });

  // Of the variables of Grafana, the labels of a series.
  const replaceVariables = (template, variables) => template.replace(
    /\$\{__field\.labels\.(\w+)\}/g, (_, label) => variables.__dataContext.value.field.labels[label]);

  function tableOfTrends(refId, frames) {
    const values = frames.map((frame) => frame.fields[1]);
    const labels = Object.keys(values[0].labels).map(
      (name) => field(name, 'string', values.map((value) => value.labels[name])));
    const trends = frames.map((frame, i) => ({ ...frame, value: lastOf(values[i]) }));
    return { refId, length: frames.length, fields: [...labels, field(`Trend #${refId}`, 'frame', trends)] };
  }

  const timeSeriesTable = {
    id: 'timeSeriesTable',
    operator: () => (source) => source.pipe(g.map((frames) => {
      const series = Map.groupBy(frames.filter(g.isTimeSeriesFrame), (frame) => frame.refId);
      const tables = [...series].map(([refId, found]) => tableOfTrends(refId, found));
      return [...frames.filter((frame) => !g.isTimeSeriesFrame(frame)), ...tables];
    })),
  };

  g.standardTransformersRegistry.setInit(() => [...new Set(Object.values(g.standardTransformers)), timeSeriesTable].map(
    (transformer) => ({ id: transformer.id, name: transformer.id, transformation: () => transformer })));

  function toFrames(target, series) {
    if (!series.length) return [{ refId: target.refId, fields: [], length: 0 }];
    return series.map(({ metric, value, values }) => {
      const points = values ?? [value];
      const legend = (target.legendFormat ?? '').replace(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? '');
      const numbers = field(metric.__name__ ?? 'Value', 'number', points.map(([, number]) => Number(number.replace('Inf', 'Infinity'))));
      return {
        refId: target.refId,
        length: points.length,
        meta: { type: values ? 'timeseries-multi' : 'numeric-multi' },
        fields: [
          field('Time', 'time', points.map(([seconds]) => seconds * 1000)),
          { ...numbers, labels: metric, config: legend ? { displayNameFromDS: legend } : {} },
        ],
      };
    });
  }

  // What Grafana changes when it loads a dashboard.
  function load({ fieldConfig: { defaults, overrides } }) {
    defaults.thresholds.steps[0].value = -Infinity;
    for (const property of overrides.flatMap(({ properties }) => properties)) {
      if (property.id === 'custom.hidden') property.id = 'custom.hideFrom.viz';
      if (property.id === 'thresholds') property.value.steps[0].value = -Infinity;
    }
  }

  function registry({ defaults, overrides }) {
    const overridden = overrides.flatMap(({ properties }) => properties.map(({ id }) => id));
    const ids = new Set([...OPTIONS, ...Object.keys(defaults.custom ?? {}).map((name) => `custom.${name}`), ...overridden]);
    return new g.FieldConfigOptionsRegistry(() => [...ids].map((id) => ({
      id,
      path: id.replace('custom.', ''),
      isCustom: id.startsWith('custom.'),
      process: (value) => value,
      shouldApply: () => true,
    })));
  }

  async function compute(panel, answers) {
    const { id, targets, transformations = [], fieldConfig } = panel;
    const data = targets.flatMap((target) => toFrames(target, answers[id][target.refId]));
    const found = g.transformV2({ data }, { targets }, {}).data;
    const frames = g.applyFieldOverrides({
      data: await g.firstValueFrom(g.transformDataFrame(transformations, found)),
      fieldConfig, theme, timeZone, replaceVariables, fieldConfigRegistry: registry(fieldConfig),
    });
    g.cacheFieldDisplayNames(frames);
    return frames;
  }

  function displayed({ fieldConfig, options: { reduceOptions } }, data) {
    const values = g.getFieldDisplayValues({ fieldConfig, reduceOptions, data, theme, timeZone, replaceVariables });
    // As the panels do: a single value has a name only if it is set.
    if (values.length === 1 && !fieldConfig.defaults.displayName) values[0].display.title = undefined;
    return values;
  }

  const repeated = (component, itemSpacing) => (panel, frames, place) => h(g.VizRepeater, {
    ...place,
    ...panel.options,
    itemSpacing,
    autoGrid: true,
    source: frames,
    renderCounter: 0,
    getValues: () => displayed(panel, frames),
    getAlignmentFactors: g.getDisplayValueAlignmentFactors,
    renderValue: ({ value, ...slot }) => h(component, {
      ...panel.options, ...slot, theme, valueDisplayMode: panel.options.valueMode, value: value.display, field: value.field,
    }),
  });

  const table = (panel, frames, place) => h(g.TableNG, {
    ...place,
    data: frames[0],
    sortBy: panel.options.sortBy,
    fieldConfig: panel.fieldConfig,
    enableVirtualization: false,
  });

  // As the panel does: what is no number is a gap.
  const withGaps = (frames) => frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((found) => ({ ...found, values: found.values.map((value) => (Number.isFinite(value) ? value : null)) })),
  }));

  const timeseries = (panel, frames, place) => h(
    g.TimeSeries, { ...place, timeZone, frames: withGaps(frames), legend: panel.options.legend, options: panel.options });

  const series = (frames) => frames.flatMap((frame) => frame.fields.filter(({ type }) => type === 'number').map(
    (found) => ({ name: g.getFieldDisplayName(found, frame, frames), field: found, times: frame.fields[0].values })));

  // Where the thresholds give the colour, the panel names the threshold, not the value.
  function state({ config: { color, thresholds: { steps }, unit, decimals }, display }, value) {
    if (color.mode !== 'thresholds') return display(value);
    const bound = (step) => text(g.getValueFormat(unit)(step.value, decimals));
    const place = steps.findLastIndex((step) => step.value <= value);
    const below = place === 0 && steps.length > 1;
    return {
      text: below ? `< ${bound(steps[1])}` : `${bound(steps[place])}+`,
      color: theme.visualization.getColorByName(steps[place].color),
    };
  }

  function strips(panel, frames, { width, height, timeRange }) {
    const rows = series(frames);
    const widest = Math.max(...rows.map(({ name }) => g.measureText(name, 12).width));
    const builder = new g.UPlotConfigBuilder(timeZone);
    const range = () => [timeRange.from.valueOf(), timeRange.to.valueOf()];
    builder.addScale({ scaleKey: 'x', isTime: true, orientation: 0, direction: 1, range });
    builder.addScale({ scaleKey: 'y', orientation: 1, direction: -1, range: () => [0, rows.length] });
    builder.addAxis({ scaleKey: 'x', isTime: true, placement: 'bottom', timeZone, theme, grid: { show: false } });
    builder.addAxis({
      scaleKey: 'y', placement: 'left', theme, size: widest + 20, grid: { show: false }, ticks: { show: false },
      splits: () => rows.map((_, i) => i + 0.5), values: () => rows.map(({ name }) => name),
    });
    builder.addSeries({ scaleKey: 'y', theme, show: false });
    builder.addHook('draw', (plot) => rows.forEach((row, i) => drawStrip(plot, i, row, panel)));
    return h(g.UPlotChart, { config: builder, data: [range(), [null, null]], width, height });
  }

  function drawStrip(plot, i, { field: found, times }, { options: { rowHeight }, fieldConfig }) {
    const [top, bottom] = [1 - rowHeight, 1 + rowHeight].map((edge) => plot.valToPos(i + edge / 2, 'y', true));
    const step = Math.min(...times.slice(1).map((time, j) => time - times[j]));
    const states = found.values.map((value) => state(found, value));
    const { ctx, bbox } = plot;
    ctx.font = `12px ${theme.typography.fontFamily}`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'middle';
    for (let first = 0, next; first < times.length; first = next) {
      next = first + 1;
      while (next < times.length && text(states[next]) === text(states[first]) && times[next] - times[next - 1] <= step) next += 1;
      const left = Math.max(plot.valToPos(times[first], 'x', true), bbox.left);
      const width = Math.min(plot.valToPos(times[next - 1] + step, 'x', true), bbox.left + bbox.width) - left;
      ctx.globalAlpha = fieldConfig.defaults.custom.fillOpacity / 100;
      ctx.fillStyle = states[first].color;
      ctx.fillRect(left, top, width, bottom - top);
      ctx.globalAlpha = 1;
      ctx.fillStyle = theme.colors.text.maxContrast;
      if (ctx.measureText(text(states[first])).width < width - 8) ctx.fillText(text(states[first]), left + 4, (top + bottom) / 2);
    }
  }

  const cells = (row, role) => [...row.querySelectorAll(`[role=${role}]`)];
  function isCut(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    const [inside, around] = [range.getBoundingClientRect(), element.getBoundingClientRect()];
    return inside.left < around.left || inside.right > around.right;
  }

  function readTable(panel, frames, element) {
    const grid = element.querySelector('[role=grid]');
    const [header, ...rows] = grid.querySelectorAll('[role=row]');
    return {
      columns: cells(header, 'columnheader').map((cell) => cell.innerText.trim()),
      rows: rows.map((row) => cells(row, 'gridcell').map((cell) => cell.innerText.trim())),
      scrolls: grid.scrollWidth > grid.clientWidth,
      cut: cells(header, 'columnheader').filter(isCut).map((cell) => cell.innerText),
    };
  }

  const readValues = (panel, frames) => ({ series: displayed(panel, frames).map(({ display }) => shown(display.title, display)) });
  const readSeries = (of) => (panel, frames) => (
    { series: series(frames).map(({ name, field: found }) => (
      { ...shown(name, of(found, lastOf(found))), inLegend: !found.config.custom.hideFrom?.legend })) });

  const KINDS = {
    stat: [repeated(g.BigValue, 3), readValues],
    bargauge: [repeated(g.BarGauge, 10), readValues],
    table: [table, readTable],
    timeseries: [timeseries, readSeries((found, value) => found.display(value))],
    'state-timeline': [strips, readSeries(state)],
  };

  function place({ gridPos: { x, y, w, h: rows } }) {
    const left = Math.floor(x * COLUMN) + GAP;
    return { left, top: y * ROW + GAP, width: Math.floor((x + w) * COLUMN) - left, height: rows * ROW - GAP };
  }

  const isEmpty = (panel, frames) => panel.type !== 'stat' && !frames.some(({ length }) => length);

  function drawPanel(panel, frames, timeRange) {
    const { left, top, width, height } = place(panel);
    const style = { position: 'absolute', left, top, width, height };
    if (panel.type === 'row') return h('h1', { key: panel.id, style: { ...style, ...theme.typography.h5 } }, `⌄ ${panel.title}`);
    const children = (w, rows) => (isEmpty(panel, frames)
      ? h('p', { style: { textAlign: 'center' } }, panel.fieldConfig.defaults.noValue)
      : KINDS[panel.type][0](panel, frames, { width: w, height: rows, timeRange }));
    return h('section', { key: panel.id, id: `panel-${panel.id}`, style }, h(g.PanelChrome, { title: panel.title, width, height, children }));
  }

  // Returns what each panel shows. `answers` are Prometheus's, by panel and query; `start` and `end` epoch seconds.
  async function draw({ panels: all }, answers, start, end) {
    const timeRange = g.makeTimeRange(g.dateTime(start * 1000), g.dateTime(end * 1000));
    const computed = new Map();
    for (const panel of all.filter(({ type }) => type !== 'row')) {
      load(panel);
      computed.set(panel, await compute(panel, answers));
    }
    await Promise.all([...document.fonts].map((font) => font.load()));
    const drawn = all.map((panel) => drawPanel(panel, computed.get(panel), timeRange));
    g.flushSync(() => g.createRoot(document.querySelector('main')).render(
      h(g.ThemeContext.Provider, { value: theme }, h(g.GlobalStyles), drawn)));
    // The plots are drawn, and the tables measured, before the frame after the next.
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
    return [...computed].map(([panel, frames]) => {
      const element = document.getElementById(`panel-${panel.id}`);
      const title = element.querySelector('h2');
      const content = isEmpty(panel, frames) ? {} : KINDS[panel.type][1](panel, frames, element);
      return { ...content, titleCut: title.scrollWidth > title.clientWidth };
    });
  }

  // Returns how many rows the table has with these answers.
  const countRows = async (panel, answers) => (await compute(panel, answers))[0].length;

  return { draw, countRows };
})();
