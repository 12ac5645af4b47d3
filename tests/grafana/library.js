// What the tests use of Grafana and React, to be bundled for a page that knows it as `grafana`.
import '@fontsource/inter/latin-400.css';
import '@fontsource/inter/latin-500.css';

export {
  FieldConfigOptionsRegistry,
  ThemeContext,
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  dateTime,
  formattedValueToString,
  getDisplayValueAlignmentFactors,
  getFieldDisplayName,
  getFieldDisplayValues,
  getValueFormat,
  isTimeSeriesFrame,
  makeTimeRange,
  reduceField,
  standardTransformers,
  standardTransformersRegistry,
  stringToJsRegex,
  transformDataFrame,
} from '@grafana/data';
export {
  BarGauge, BigValue, GlobalStyles, PanelChrome, TimeSeries, UPlotChart, UPlotConfigBuilder, VizRepeater, measureText,
} from '@grafana/ui';
export { TableNG } from '@grafana/ui/unstable';
// The package exports its data source only.
export { transformV2 } from './node_modules/@grafana/prometheus/dist/esm/result_transformer.mjs';
export { createElement } from 'react';
export { flushSync } from 'react-dom';
export { createRoot } from 'react-dom/client';
export { firstValueFrom, map } from 'rxjs';
