import { colorDeclarations, DARK, HEAT_STEPS, LIGHT } from './theme.js';

/** The style sheet of a report. No fonts or pictures from elsewhere: the file is all there is. */
export const STYLE = `
:root{color-scheme:light dark;${colorDeclarations(LIGHT)}--shade:rgb(20 30 40/.16);
  --text:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
  --display:Charter,"Bitstream Charter","Sitka Text",Cambria,Georgia,serif;
  --mono:ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){:root{${colorDeclarations(DARK)}--shade:rgb(0 0 0/.6)}}
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.6 var(--text);overflow-wrap:break-word}
.page{max-width:68rem;margin:0 auto;padding:0 1.25rem 5rem}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--accent);outline-offset:3px}
.skip{position:absolute;left:-999rem}
.skip:focus{left:1rem;top:1rem;padding:.5rem 1rem;background:var(--paper);z-index:2}
h1,h2,.headline{font-family:var(--display);text-wrap:balance}
h1{margin:.25rem 0 0;font-size:clamp(1.6rem,1.2rem + 1.8vw,2.25rem);line-height:1.2;font-weight:600}
h2{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25;font-weight:600}
h3{margin:1.75rem 0 .5rem;font-size:1rem;line-height:1.4}
p,ul,ol,dl{margin:0 0 1rem}
p,ol.method,.definitions,ul.told,.notice ul{max-width:44rem}
header{padding-top:3rem}
.eyebrow{margin:0;color:var(--muted);font-size:.875rem}
.badge{display:inline-block;margin-left:.5rem;padding:.1rem .6rem;border:1px solid currentColor;border-radius:1rem;background:var(--notice-surface);color:var(--notice);font:600 .8125rem/1.5 var(--text);vertical-align:.3em;letter-spacing:.02em}
.headline{max-width:50rem;margin:1.5rem 0 .75rem;font-size:clamp(1.2rem,1.05rem + .75vw,1.5rem);line-height:1.45;text-wrap:pretty}
.headline strong{color:var(--accent);font-weight:600}
.uncertainty{color:var(--muted)}
.facts{display:flex;flex-wrap:wrap;margin:1.25rem 0;padding:0;list-style:none;color:var(--muted);font-size:.9375rem;font-variant-numeric:tabular-nums}
.facts li:not(:last-child)::after{content:"·";margin:0 .5rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:0;padding:.75rem 0;border-block:1px solid var(--line);list-style:none;font-size:.9375rem}
nav a{display:inline-block;padding:.25rem 0;text-decoration:none}
nav a:hover{text-decoration:underline}
section{margin-top:4rem}
.notice{margin-top:2rem;padding:1rem 1.25rem;border-left:4px solid var(--notice);border-radius:0 .25rem .25rem 0;background:var(--notice-surface)}
p.notice{margin-top:0}
.notice h2{margin-bottom:.5rem;color:var(--notice);font-family:var(--text);font-size:1.0625rem}
.notice ul{margin:0;padding-left:1.1rem}
.notice li+li{margin-top:.35rem}
.notice strong{color:var(--notice)}
.notice details{margin:.5rem 0 0}
.notice li details{margin:0}
.notice li{overflow-wrap:anywhere}
code,pre{font-family:var(--mono);font-size:.875em}
p code,h3 code{overflow-wrap:anywhere}
pre{margin:0 0 1rem;padding:1rem 1.25rem;overflow-x:auto;border-radius:.25rem;background:var(--surface);line-height:1.6}
.hash{overflow-wrap:anywhere}
.tag{display:inline-block;padding:0 .4rem;border:1px solid var(--line);border-radius:.25rem;color:var(--muted);font-size:.75rem;font-weight:400;white-space:nowrap}
.numbered{display:flex;gap:.5rem}
.number{flex:none;min-width:1.1em;color:var(--muted);font-weight:400;text-align:right}
abbr{color:var(--muted);text-decoration:underline dotted;text-underline-offset:.2em;cursor:help}
figure{margin:1.5rem 0}
figcaption,caption{color:var(--muted);font-size:.875rem;line-height:1.5;text-align:left}
figcaption{max-width:44rem;margin-top:.5rem}
figcaption .on-front{color:var(--accent);font-weight:600}
.chart svg{display:block;width:100%;height:auto}
.chart text{paint-order:stroke;font-family:var(--text);font-variant-numeric:tabular-nums}
.chart .narrow{display:none}
.single .chart,.chart{max-width:48rem}
.pair .chart{max-width:36rem}
.pair{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 2.5rem}
.chart svg:focus-visible{outline-offset:1px}
.chart .marked{stroke:var(--ink);stroke-width:3}
figure.matrix{margin:0}
.choosers{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem;margin:1rem 0}
.choosers[hidden]{display:none}
.choosers label{display:flex;flex-wrap:wrap;align-items:baseline;gap:.1rem .5rem;max-width:100%;color:var(--muted);font-size:.875rem}
select{max-width:100%;padding:.3rem .5rem;border:1px solid var(--muted);border-radius:.25rem;background:var(--paper);color:var(--ink);font:inherit;text-overflow:ellipsis}
.panel>summary{font-weight:600;overflow-wrap:anywhere}
.panel .panel{margin-left:1rem}
.scripted .panel{margin:0}
.scripted .panel>summary{display:none}
.tip{position:fixed;z-index:3;max-width:min(24rem,100vw - .5rem);padding:.3rem .6rem;border-radius:.25rem;background:var(--ink);color:var(--paper);font-size:.8125rem;line-height:1.4;font-variant-numeric:tabular-nums;pointer-events:none;overflow-wrap:anywhere}
.key{margin:.5rem 0 0;padding:0;list-style:none;font-size:.8125rem;line-height:1.5}
ul.key{display:flex;flex-wrap:wrap;gap:.1rem 1rem}
.key li{min-width:0;overflow-wrap:anywhere}
.key b{font-variant-numeric:tabular-nums}
.scroll{margin:1rem 0;overflow-x:auto;background:
  linear-gradient(to right,var(--paper) 40%,transparent) left/2.5rem 100% no-repeat local,
  linear-gradient(to left,var(--paper) 40%,transparent) right/2.5rem 100% no-repeat local,
  linear-gradient(to right,var(--shade),transparent) left/.75rem 100% no-repeat scroll,
  linear-gradient(to left,var(--shade),transparent) right/.75rem 100% no-repeat scroll}
table{border-collapse:collapse;font-size:.9375rem;line-height:1.4}
caption{position:sticky;left:0;padding-bottom:.5rem;caption-side:top;max-width:min(44rem,100vw - 2.5rem)}
th,td{padding:.5rem .75rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;font-variant-numeric:tabular-nums}
th:first-child{padding-left:.25rem}
thead th{color:var(--muted);font-size:.8125rem;font-weight:600;vertical-align:bottom;border-bottom-color:var(--muted)}
tbody th,tfoot th{position:sticky;left:0;background:var(--paper);min-width:9rem;max-width:22rem;font-weight:600;overflow-wrap:anywhere}
th button{position:relative;display:inline-block;margin:0;padding:0 1.1em 0 0;border:0;background:none;color:inherit;font:inherit;text-align:inherit;cursor:pointer}
th button:hover{color:var(--accent)}
th button::after{content:"↕";position:absolute;right:.1em;bottom:0;color:var(--muted)}
th[aria-sort=ascending] button::after{content:"↑";color:var(--accent)}
th[aria-sort=descending] button::after{content:"↓";color:var(--accent)}
.num{text-align:right}
td.num{white-space:nowrap}
thead .num{white-space:normal}
.interval{display:block;color:var(--muted);font-size:.8125rem}
.heatmap{border-collapse:separate;border-spacing:2px}
.heatmap th,.heatmap td{padding:.35rem .6rem;border:0;vertical-align:middle}
.heatmap thead th{padding-inline:.35rem;min-width:4rem;vertical-align:bottom}
.heatmap thead th:first-child{padding-inline-start:.6rem}
.heatmap thead span{display:inline-block;max-width:8rem;overflow-wrap:break-word}
.heatmap .heat{background:var(--surface);color:var(--muted);text-align:center;border-radius:2px}
${Array.from({ length: HEAT_STEPS }, (_, step) => `.heatmap .heat-${step}{background:var(--heat-${step});color:var(--heat-text-${step})}`).join('\n')}
.heatmap td.marked{outline:2px solid var(--ink);outline-offset:-1px}
.heatmap td:empty{background:var(--heat-0)}
.heatmap tfoot td:empty{background:none}
.heatmap tfoot th,.heatmap tfoot td{border-top:1px solid var(--muted)}
.heatmap.upright thead th.share{min-width:2.75rem;padding:.35rem 0}
.heatmap.upright thead span{max-width:none;max-height:15rem;writing-mode:vertical-rl;transform:rotate(180deg);text-align:left}
.heatmap tbody th,.heatmap tfoot th{min-width:10rem;max-width:16rem}
.heatmap thead .share{text-align:center}
.told{padding-left:1.1rem}
.told li{overflow-wrap:anywhere}
.method{padding-left:1.25rem}
.method li{margin-bottom:.6rem;padding-left:.25rem}
.definitions,.properties{display:grid;grid-template-columns:fit-content(17rem) minmax(0,1fr);gap:.5rem 1.5rem}
dt{min-width:8rem;font-weight:600;overflow-wrap:anywhere}
dd{margin:0;overflow-wrap:anywhere}
.properties{font-variant-numeric:tabular-nums}
details{margin:1rem 0}
summary{width:fit-content;padding:.25rem 0;color:var(--accent);cursor:pointer}
details[open]>summary{margin-bottom:.75rem}
footer{margin-top:4rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--muted);font-size:.875rem}
@media (min-width:88rem){
  .page:has(>nav){display:grid;grid-template:auto 1fr auto/12rem minmax(0,1fr);gap:0 3.5rem;max-width:100rem}
  .page>header,.page>main,.page>footer{grid-column:2}
  .page>nav{grid-area:1/1/4/2;position:sticky;top:1.5rem;align-self:start;max-height:calc(100vh - 3rem);margin-top:3.25rem;overflow-y:auto}
  .page>nav ul{flex-direction:column;gap:0;border-bottom:0}
  .headline{max-width:58rem}
  .pair .chart,.single .chart,.chart{max-width:none}
  .single .chart,section>.chart,.panel>.chart{max-width:60rem}
  .levels{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 3rem}
  .notice{max-width:76rem}
  .notice ul{max-width:none}
  .scroll>table:not(.heatmap){min-width:min(100%,60rem)}
}
@media (max-width:60rem){.pair{grid-template-columns:minmax(0,1fr)}}
@media (max-width:34rem){
  header{padding-top:1.75rem}
  section{margin-top:3rem}
  .page{padding:0 1.25rem 3rem}
  .chart .wide{display:none}
  .chart .narrow{display:block}
  .definitions,.properties{grid-template-columns:minmax(0,1fr);gap:0}
  dd{margin-bottom:.6rem}
  tbody th,tfoot th{min-width:9.5rem;max-width:10rem}
  th,td{padding-inline:.5rem}
  .heatmap thead th:first-child{padding-inline-start:.3rem}
  .heatmap tbody th,.heatmap tfoot th{min-width:8.5rem;padding-inline:.3rem;font-size:.8125rem}
}
@media print{
  @page{margin:15mm}
  :root{color-scheme:light;${colorDeclarations(LIGHT)}}
  body{font-size:10pt}
  .page{max-width:none;padding:0}
  nav,.skip,.tip{display:none}
  .scripted .panel[hidden]{display:none}
  .choosers label{color:var(--ink)}
  select{appearance:none;padding:0;border:0;font-weight:600}
  th button::after{content:none}
  section{margin-top:2rem}
  h2,h3{break-after:avoid}
  .pair{grid-template-columns:repeat(2,minmax(0,1fr));gap:0 1.5rem}
  .pair .wide{display:none}
  .pair .narrow{display:block}
  figure.chart,tr,li,p.notice,dt,dd{break-inside:avoid}
  .choosers,caption,thead,dt,section>h2+p{break-after:avoid}
  .scroll{overflow:visible}
  caption{position:static;max-width:none}
  .scroll>table{width:100%;font-size:clamp(5pt,calc(80pt/var(--columns,9)),9pt)}
  thead th,.interval,.tag{font-size:.9em}
  th,td{padding:.3em .35em}
  tbody th{overflow-wrap:anywhere}
  tbody th,tfoot th,.heatmap tbody th,.heatmap tfoot th{position:static;min-width:5em;max-width:14em;padding-inline:.2em}
  .heatmap{width:auto!important;border-spacing:1px}
  .heatmap th,.heatmap td{padding:.25em .2em}
  .heatmap thead th,.heatmap thead th:first-child,.heatmap.upright thead th.share{min-width:0;padding-inline:.1em}
  pre{white-space:pre-wrap}
  .heat,.notice,.badge{print-color-adjust:exact;-webkit-print-color-adjust:exact}
  details::details-content{content-visibility:visible;block-size:auto}
}
`;
