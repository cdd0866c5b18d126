import { STYLE } from '../report/kit/style.js';

/** Style of a report, with additions for a page that changes. */
export const WATCH_STYLE = `${STYLE}
#connection{margin:.5rem 0 0;color:var(--muted);font-size:.875rem}
section{margin-top:2.5rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:1rem 1.5rem;margin:1rem 0}
.figures div{padding-top:.5rem;border-top:2px solid var(--line)}
.figures dt{color:var(--muted);font-size:.875rem;font-weight:400}
.figures dd{font-size:1.375rem;line-height:1.3;font-variant-numeric:tabular-nums}
.course{display:block;width:100%;height:4.5rem;overflow:visible}
.course path,.spark path{fill:none;stroke:var(--accent);stroke-width:1.5;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.spark{display:block;width:7.5rem;height:1.5rem;overflow:visible}
.seen-yes{color:var(--accent);font-weight:600}
.seen-no{color:var(--muted)}
tr.quiet th,tr.quiet td{color:var(--muted);font-weight:400}
.meter{display:inline-block;width:4rem;height:.5rem;margin-right:.5rem;border-radius:.25rem;background:var(--line);overflow:hidden;vertical-align:.05em}
.meter svg{display:block;width:100%;height:100%}
.meter rect{fill:var(--accent)}
#devices-table{width:100%}
form{display:flex;flex-wrap:wrap;align-items:end;gap:.75rem 1.25rem;margin:1rem 0}
form label{display:flex;flex-direction:column;gap:.2rem;color:var(--muted);font-size:.875rem}
input{width:7rem;padding:.4rem .5rem;border:1px solid var(--muted);border-radius:.25rem;background:var(--paper);color:var(--ink);font:inherit}
form button{padding:.5rem 1rem;border:1px solid var(--accent);border-radius:.25rem;background:var(--accent);color:var(--paper);font:inherit;font-weight:600;cursor:pointer}
form button.plain{background:none;color:var(--accent)}
#problem{margin:0;color:var(--notice);font-weight:600}
#problem:empty{display:none}
#done:empty{display:none}
td:has(.meter){white-space:nowrap}
@media (max-width:34rem){.meter{width:2.25rem}.figures{grid-template-columns:repeat(2,minmax(0,1fr))}section{margin-top:2rem}}
`;
