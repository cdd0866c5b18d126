/** `homeveil/report`: a result as HTML, Markdown, CSV and figures. */

/// <reference types="node" preserve="true" />

export { parseAnyResult, parseResult } from '../result/parse.js';
export type * from '../result/result.js';
export { renderCsv } from './csv.js';
export { type Figure, renderFigures, renderStudyFigures } from './figures.js';
export { renderHtml } from './html.js';
export { renderPng } from './kit/png.js';
export { renderMarkdown } from './markdown.js';
export { type NamedPage, renderStudyHtml, renderStudyPages } from './study.js';
export { renderStudyCsv, renderStudyMarkdown } from './study-text.js';
