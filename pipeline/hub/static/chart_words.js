// What is said of a point of the charts, with times in the reader's zone.
const MOST = 6; // marks that are said of a point

const count = (value) => new Intl.NumberFormat("en", {
  maximumFractionDigits: value >= 10 || Number.isInteger(value) ? 0 : 1,
}).format(value);
export const percent = (share) => `${Math.round(100 * share)} %`;
const tenths = (score) => (Math.round(10 * score) / 10 || 0).toFixed(1); // no sign of what is rounded to nothing
const filled = (text, values) => text.replace(/{(\w+)}/g, (_, name) => values[name]);

// Hundreds of people may write in the same minutes; all of it stands in the time line.
const shortened = (marks) => marks.length > MOST ? [...marks.slice(0, MOST), { number: "", kind: "", words: "…" }] : marks;

// Words of a point: rows of [key of the legend, label, value], and of the marks and shaded stretches at its time.
export function told(data, index, reach) {
  const { columns, legend, texts } = data;
  const rows = [];
  const row = (name, value) => { if (legend[name] !== undefined) rows.push([name, legend[name], value]); };
  row("mentions", count(columns.mentions[index]));
  row("negatives", count(columns.negatives[index]));
  row("band", filled(texts.range, { lower: count(columns.lower[index]), upper: count(columns.upper[index]) }));
  if (columns.share) {
    const share = columns.share[index] === null ? "–" : percent(columns.share[index]);
    row("share", filled(texts.share, { share, usual: percent(columns.usual_share[index]) }));
  }
  if (columns.score) {
    const score = columns.score[index] === null ? "–" : tenths(columns.score[index]);
    row("score", filled(texts.score, { score, threshold: tenths(data.threshold) }));
  }
  const start = data.start[index];
  const middle = start + data.step / 2;
  return {
    rows,
    marks: shortened(data.marks.filter((mark) => Math.abs(mark.time - middle) <= Math.max(data.step / 2, reach))),
    shades: data.shades.filter((shade) => shade.since < start + data.step && start < shade.until),
    from: new Date(1000 * start),
    until: new Date(1000 * (start + data.step)),
  };
}

function when({ from, until }) {
  const [first, last] = [local(from), local(until)];
  const here = `${first.day} ${first.clock} – ${first.day === last.day ? "" : `${last.day} `}${last.clock}`;
  return zone === "UTC" ? `${here} UTC` : `${here} (${from.toISOString().slice(11, 16)} UTC)`;
}

export function sentence(point) {
  const values = point.rows.map(([, label, value]) => `${label}: ${value}`);
  return [when(point), ...values, ...[...point.marks, ...point.shades].map((one) => one.words)].join("; ");
}

function element(name, kind, ...content) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...content);
  return made;
}

export function tip(point) {
  return [
    element("p", "when", when(point)),
    element("dl", "", ...point.rows.map(([name, label, value]) => element("div", "",
      element("dt", "", element("span", `key ${name}`), label), element("dd", "", value)))),
    ...point.marks.map((mark) => element("p", `marked ${mark.kind}`, element("b", "", mark.number), " ", element("bdi", "", mark.words))),
    ...point.shades.map((shade) => element("p", "marked", shade.words)),
  ];
}
