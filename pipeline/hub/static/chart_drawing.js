// What the charts look like: lines, ticks, marks and shaded stretches, in the colours of the style sheet.
import { percent } from "./chart_words.js";

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const MARKS = { // by kind; others are quiet and dashed, so that no kind is told by its colour alone
  alert: "--critical", trigger: "--critical", acknowledged: "--good", answer: "--good", resolved: "--good",
};

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
// What each chart draws: the values of its lines, how they look, and the highest value that always has room.
const line = (stroke, width, dash) => ({ stroke: () => css(stroke), width, dash });
export const PLOTS = {
  volume: ({ columns }) => ({
    values: [columns.upper, columns.lower, columns.expected, columns.negatives, columns.mentions],
    lines: [
      { points: { show: false } },
      { points: { show: false } },
      { ...line("--accent", 1.3, [4, 3]), points: { show: false } },
      { fill: () => css("--negatives-fill"), points: { show: false } },
      line("--mentions", 1.8),
    ],
    bands: [{ series: [1, 2], fill: () => css("--band-fill") }],
    room: 1,
    tick: (value) => compact.format(value),
  }),
  share: ({ columns }) => ({
    values: [columns.usual_share, columns.share],
    lines: [{ ...line("--accent", 1.3, [4, 3]), points: { show: false } }, line("--negatives", 2)],
    room: 1,
    most: 1,
    tick: percent,
  }),
  score: ({ columns, threshold }) => ({
    values: [columns.score.map(() => threshold), columns.score.map((score) => score === null ? null : Math.max(score, 0))],
    lines: [{ ...line("--critical", 1.5, [6, 4]), points: { show: false } }, line("--mentions", 2)],
    room: 1.2 * (threshold ?? 0),
    tick: (value) => compact.format(value),
  }),
};

// Of uPlot: shortest distance of two ticks, the words of a tick, then words added to the first of a new year, day.
const HOURS = "{HH}:{mm}";
export const TIMES = [
  [28 * 86400, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, HOURS, "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
];

// Lines and stretches lie beneath what is drawn, numbers above it; where they would overlap they become a range.
export function drawBeneath(chart, data) {
  const { ctx, bbox } = chart;
  const place = (time) => Math.round(chart.valToPos(time, "x", true));
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const shade of data.shades) {
    const [from, until] = [place(shade.since), place(shade.until)];
    ctx.fillStyle = css("--shade-fill");
    ctx.fillRect(from, bbox.top, Math.max(until - from, 2 * uPlot.pxRatio), bbox.height);
    ctx.fillStyle = css(`--${shade.severity}`);
    ctx.fillRect(from, bbox.top, Math.max(until - from, 3 * uPlot.pxRatio), 3 * uPlot.pxRatio);
  }
  ctx.lineWidth = uPlot.pxRatio;
  for (const mark of data.marks) {
    ctx.strokeStyle = css(MARKS[mark.kind] ?? "--quiet");
    ctx.setLineDash(mark.kind in MARKS ? [] : [2 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
    ctx.beginPath();
    ctx.moveTo(place(mark.time), bbox.top);
    ctx.lineTo(place(mark.time), bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function numbered(chart, marks, width) {
  const found = [];
  const measured = (group) => {
    const ends = [group.marks[0], group.marks.at(-1)];
    const places = ends.map((mark) => chart.valToPos(mark.time, "x", true));
    group.words = ends[0] === ends[1] ? `${ends[0].number}` : `${ends[0].number}–${ends[1].number}`;
    group.width = width(group.words);
    const middle = (places[0] + places[1]) / 2;
    group.from = Math.min(Math.max(middle - group.width / 2, 0), chart.ctx.canvas.width - group.width);
  };
  for (const mark of marks) {
    const group = { marks: [mark] };
    measured(group);
    while (found.length && found.at(-1).from + found.at(-1).width + 2 * uPlot.pxRatio > group.from) {
      group.marks.unshift(...found.pop().marks);
      measured(group);
    }
    found.push(group);
  }
  return found;
}

export function drawNumbers(chart, data) {
  const { ctx, bbox } = chart;
  const seen = data.marks.filter(({ time }) => time >= chart.scales.x.min && time <= chart.scales.x.max);
  const height = 17 * uPlot.pxRatio;
  ctx.save();
  ctx.font = `700 ${11 * uPlot.pxRatio}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  for (const group of numbered(chart, seen, (words) => Math.max(ctx.measureText(words).width + 8 * uPlot.pxRatio, height))) {
    const top = bbox.top - height - 2 * uPlot.pxRatio;
    const ink = css(MARKS[group.marks.find((mark) => mark.kind in MARKS)?.kind] ?? "--quiet");
    ctx.beginPath();
    ctx.roundRect(group.from, top, group.width, height, height / 2);
    ctx.fillStyle = css("--sheet");
    ctx.fill();
    ctx.lineWidth = 1.2 * uPlot.pxRatio;
    ctx.strokeStyle = ctx.fillStyle = ink;
    ctx.stroke();
    ctx.fillText(group.words, group.from + group.width / 2, top + height / 2 + 0.5 * uPlot.pxRatio);
  }
  ctx.restore();
}
