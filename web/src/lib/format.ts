// Numbers, lengths of time and moments as people read them.

/** `312µs`, `843ms`, `8.04s`, `2m 03s`, `1h 02m`, `3d 04h`: as the terminal writes them. */
export function duration(nanos: number): string {
  if (!(nanos > 0)) return "0ms";
  if (nanos < 1e6) return `${Math.ceil(nanos / 1e3)}µs`;
  if (nanos < 1e9) return `${Math.floor(nanos / 1e6)}ms`;
  const seconds = Math.floor(nanos / 1e9);
  const two = (number: number) => String(Math.floor(number)).padStart(2, "0");
  if (seconds < 60) return `${seconds}.${two((nanos / 1e7) % 100)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ${two((seconds / 60) % 60)}m`;
  return `${Math.floor(seconds / 86_400)}d ${two((seconds / 3600) % 24)}h`;
}

/** How long ago, in a word: `now`, `12s`, `5m`, `2h`, `3d`. */
export function ago(unixNano: number, nowMillis: number): string {
  if (unixNano <= 0) return "no time";
  const seconds = Math.round((nowMillis - unixNano / 1e6) / 1000);
  if (seconds < -5) return "ahead";
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** A moment, exact, in the reader's own time zone. */
export function moment(unixNano: number): string {
  if (unixNano <= 0) return "no time was sent";
  const date = new Date(unixNano / 1e6);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** Only the time of the day. */
export function clock(unixNano: number): string {
  return unixNano > 0 ? moment(unixNano).slice(11, 19) : "";
}

/** `1,234`, `12.3k`, `4.5M`. */
export function short(number: number): string {
  if (number < 10_000) return grouped(number);
  if (number < 1e6) return `${(number / 1e3).toFixed(number < 1e5 ? 1 : 0)}k`;
  return `${(number / 1e6).toFixed(1)}M`;
}

/** `1,234,567`. */
export function grouped(number: number): string {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** `$12.34`, `$0.0042`, `$0.00`: as many digits as say something, as on the terminal. */
export function cost(dollars: number): string {
  if (dollars === 0) return "$0.00";
  if (dollars < 0.000001) return "<$0.000001";
  if (dollars < 0.01) return `$${dollars.toFixed(Math.ceil(-Math.log10(dollars)) + 1)}`;
  return `$${dollars.toFixed(dollars < 1 ? 3 : 2)}`;
}

/** `12.4 MiB`. */
export function bytes(number: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit += 1;
  }
  return `${unit === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[unit]}`;
}

/** `1 span`, `2 spans`. */
export function count(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Moments for the marks of a time axis between two moments: round steps, at most so many. */
export function ticks(from: number, to: number, most: number): number[] {
  const span = to - from;
  if (!(span > 0) || most < 1) return [];
  let step = 1;
  // Steps of 1, 2 and 5 nanoseconds up to a minute; then what clocks know.
  const clockSteps = [60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400].map((seconds) => seconds * 1e9);
  const decimal = Math.pow(10, Math.floor(Math.log10(span / most)));
  step = [1, 2, 5, 10].map((factor) => factor * decimal).find((size) => span / size <= most) ?? 10 * decimal;
  if (step > 30e9) step = clockSteps.find((size) => span / size <= most) ?? Math.ceil(span / most / 86_400e9) * 86_400e9;
  const marks: number[] = [];
  for (let at = Math.ceil(from / step); at * step <= to; at += 1) marks.push(at * step);
  return marks;
}

/** A mark of the time axis: shorter than a length. */
export function tick(nanos: number): string {
  if (nanos === 0) return "0";
  const trim = (number: number) => String(Number(number.toPrecision(6)));
  if (nanos < 1e3) return `${trim(nanos)}ns`;
  if (nanos < 1e6) return `${trim(nanos / 1e3)}µs`;
  if (nanos < 1e9) return `${trim(nanos / 1e6)}ms`;
  return nanos < 60e9 ? `${trim(nanos / 1e9)}s` : duration(nanos);
}
