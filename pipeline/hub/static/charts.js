// The charts, drawn by uPlot from the numbers in the page: one cursor and one zoom for all charts of a part, and the
// values of a point under the pointer or by arrow keys. Without this file the table beneath has the values.
import { css, drawBeneath, drawNumbers, PLOTS, TIMES } from "./chart_drawing.js";
import { sentence, tip, told } from "./chart_words.js";

const NEAR = 7; // pixels within which a mark belongs to the point under the cursor
const FEWEST = 4; // points that the closest zoom shows

// The charts of one part of the page. `kept` outlives them when the part is replaced by a newer one.
class Charts {
  constructor(root, kept) {
    this.root = root;
    this.kept = kept;
    this.data = JSON.parse(root.dataset.charts);
    this.times = this.data.start.map((start) => start + this.data.step / 2);
    this.charts = [...root.querySelectorAll(".plot")].map((place, number) => this.chart(place, number));
    this.watcher = new ResizeObserver((changes) => changes.forEach(({ target }) => this.fit(target)));
    for (const { root: drawn } of this.charts) this.watcher.observe(drawn.parentElement);
    this.zoomBar = root.querySelector(".zoom");
    this.zoomBar.hidden = root.querySelector(".keys").hidden = false;
    this.zoomBar.addEventListener("click", ({ target }) => this.press({ in: "+", out: "-", all: "0" }[target.value]));
    this.show(...(kept.range ?? this.whole));
    if (kept.time !== null) this.point(this.charts[kept.chart] ?? this.charts[0], this.current);
  }

  get whole() {
    return [this.data.since, this.data.until];
  }

  // The point that the next key starts from: under the cursor, else the last in view.
  get current() {
    const until = this.kept.time ?? (this.kept.range ?? this.whole)[1];
    return Math.max(this.times.findLastIndex((time) => time <= until), 0);
  }

  close() {
    this.watcher.disconnect();
    for (const chart of this.charts) chart.destroy();
  }

  fit(place) {
    const chart = this.charts.find(({ root }) => root.parentElement === place);
    if (place.clientWidth) chart.setSize({ width: place.clientWidth, height: place.clientHeight });
  }

  chart(place, number) {
    const drawn = PLOTS[place.classList[1]](this.data);
    const fonts = getComputedStyle(document.body).fontFamily;
    const axis = { font: `12px ${fonts}`, stroke: () => css("--quiet"), grid: { stroke: () => css("--rule"), width: 1 } };
    const top = (_, __, most) => [0, drawn.most ?? Math.max(1.06 * (most ?? 0), drawn.room)];
    const chart = new uPlot({
      width: place.clientWidth || 300,
      height: place.clientHeight,
      padding: [number === 0 && this.data.marks.length ? 24 : 8, 20, 0, 0],
      legend: { show: false },
      scales: { y: { range: top } },
      series: [{}, ...drawn.lines],
      bands: drawn.bands,
      axes: [
        { ...axis, values: TIMES, size: 42, space: 62, ticks: { stroke: () => css("--rule"), size: 5 } },
        { ...axis, values: (_, ticks) => ticks.map(drawn.tick), size: 46, space: 26, ticks: { show: false } },
      ],
      cursor: {
        y: false,
        points: { size: 8 },
        drag: { x: true, y: false, dist: 6 },
        bind: { dblclick: () => () => this.press("0") },
        sync: { key: this.kept.id, filters: { pub: (kind) => kind.startsWith("mousemove") || kind === "mouseleave" } },
      },
      hooks: {
        drawAxes: [(one) => drawBeneath(one, this.data)],
        draw: number === 0 ? [(one) => drawNumbers(one, this.data)] : [],
        setCursor: [(one) => { if (one === this.at) this.tell(); }],
        setScale: [(one, key) => { if (key === "x") this.show(one.scales.x.min, one.scales.x.max); }],
      },
    }, [this.times, ...drawn.values], place);
    const canvas = chart.ctx.canvas;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", place.dataset.label);
    chart.over.addEventListener("mouseenter", () => { this.at = chart; });
    chart.tip = document.createElement("div");
    chart.tip.className = "tip";
    chart.tip.hidden = true;
    chart.over.append(chart.tip);
    if (number === 0) this.takesKeys(chart, place.dataset.label);
    return chart;
  }

  // One stop of the keyboard for all charts, which share the cursor: a slider over the points, read out as it moves.
  takesKeys(chart, label) {
    const { over } = chart;
    over.id = `${this.kept.id}-cursor`;
    over.tabIndex = 0;
    const states = { role: "slider", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": this.times.length - 1 };
    for (const [name, value] of Object.entries(states)) over.setAttribute(name, value);
    this.value(over, this.current);
    over.addEventListener("focus", () => {
      if (over.matches(":focus-visible")) this.point(chart, this.current);
    });
    over.addEventListener("blur", () => this.leave());
    over.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.press(event.key)) return;
      event.preventDefault();
    });
  }

  value(over, index) {
    over.setAttribute("aria-valuenow", index);
    over.setAttribute("aria-valuetext", sentence(told(this.data, index, 0)));
  }

  // Whether the key does something here.
  press(key) {
    const index = this.current;
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: -12, PageDown: 12, Home: -1e9, End: 1e9 };
    const factor = { "+": 0.5, "=": 0.5, "-": 2 }[key];
    if (key in moves) {
      this.point(this.charts[0], Math.min(Math.max(index + moves[key], 0), this.times.length - 1));
    } else if (factor) {
      const [from, until] = this.kept.range ?? this.whole;
      const centre = this.kept.time ?? (from + until) / 2;
      this.show(centre - factor * (centre - from), centre + factor * (until - centre));
    } else if (key === "0" || key === "Escape") {
      this.show(...this.whole);
    } else {
      return false;
    }
    return true;
  }

  // All charts show a stretch of time.
  show(from, until) {
    const [first, last] = this.whole;
    const length = Math.min(Math.max(until - from, FEWEST * this.data.step), last - first);
    const begin = Math.min(Math.max(from, first), last - length);
    const range = [begin, begin + length];
    this.kept.range = length < last - first ? range : null;
    for (const button of this.zoomBar?.querySelectorAll("button") ?? []) {
      button.setAttribute("aria-disabled", button.value === "in" ? length <= FEWEST * this.data.step : !this.kept.range);
    }
    for (const chart of this.charts ?? []) {
      const { min, max } = chart.scales.x;
      if (min !== range[0] || max !== range[1]) chart.setScale("x", { min: range[0], max: range[1] });
    }
  }

  // The cursor stands on a point, which comes into view.
  point(chart, index) {
    const [from, until] = this.kept.range ?? this.whole;
    const time = this.times[index];
    const [lacking, beyond] = [Math.max(from + this.data.step / 2 - time, 0), Math.max(time + this.data.step / 2 - until, 0)];
    if (this.kept.range && lacking + beyond > 0) this.show(from - lacking + beyond, until - lacking + beyond);
    this.at = chart;
    this.kept.time = time;
    // setScale draws later: the cursor follows what is drawn.
    queueMicrotask(() => {
      chart.setCursor({ left: chart.valToPos(time, "x"), top: 0 }, true, true);
    });
  }

  leave() {
    this.charts[0].setCursor({ left: -10, top: -10 }, true, true);
  }

  tell() {
    if (!this.root.isConnected) return; // replaced: what the reader looked at is kept for the newer part
    const { at } = this;
    const { idx: index, left } = at.cursor;
    const there = index !== null && index !== undefined && left >= 0;
    this.kept.time = there ? this.times[index] : null;
    this.kept.chart = this.charts.indexOf(at);
    for (const { tip } of this.charts) tip.hidden = true;
    if (!there) return;
    const reach = at.posToVal(NEAR, "x") - at.posToVal(0, "x");
    const point = told(this.data, index, reach);
    this.value(this.charts[0].over, index);
    at.tip.replaceChildren(...tip(point));
    at.tip.hidden = false;
    const width = at.over.clientWidth;
    const beside = left < width / 2 ? left + 14 : left - 14 - at.tip.offsetWidth;
    at.tip.style.left = `${Math.min(Math.max(beside, 4 - at.over.offsetLeft), width - at.tip.offsetWidth)}px`;
  }
}

const shown = new Map(); // by the part of the page: its charts
const kept = new Map(); // and what a reader looks at: the zoomed range or null, the time under the cursor or null

function draw(part) {
  shown.get(part.id)?.close();
  shown.delete(part.id);
  const root = part.querySelector("[data-charts]");
  if (!root) return;
  if (!kept.has(part.id)) kept.set(part.id, { id: part.id, range: null, time: null, chart: 0 });
  shown.set(part.id, new Charts(root, kept.get(part.id)));
}

liveParts().forEach(draw);
document.addEventListener("replaced", ({ target }) => draw(target));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => liveParts().forEach(draw));
