// A study from code: two views, three defenses, and the tables as Markdown.
//   node examples/study.js
import { resolveSpec, runStudy } from 'homeveil';
import { renderStudyMarkdown } from 'homeveil/report';

const specs = ['napt', 'vpn'].map((view) =>
  resolveSpec({
    hours: 0.5,
    view,
    attacks: ['random-forest:trees=10'],
    defenses: ['none', 'pad:rule=mtu'],
    adversaries: ['adaptive'],
  }),
);
const study = await runStudy({ name: 'Two views' }, specs, { threads: 1 });
const [overview] = renderStudyMarkdown(study).split('\n## ');
console.log(overview.trim());
