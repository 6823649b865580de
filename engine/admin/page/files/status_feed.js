// The daemon's counters, asked every two seconds from signing in on, and kept for 15 minutes, so
// that charts have a past whichever view was shown.
//
//   const stop = feed.listen(() => draw(feed.samples, feed.latest));
//
// A sample is {at, queue, total} or, where there was no answer, {at}; `at` is performance.now().

import {get} from './api.js';

const kEveryMilliseconds = 2000;
const kKeptMilliseconds = 15 * 60 * 1000;

export class StatusFeed {
  #listeners = new Set();
  #stopped = new AbortController();
  samples = [];
  latest = null;  // the last whole answer
  error = null;   // why there was none, when the last question had none

  constructor() {
    this.#run();
  }

  stop() {
    this.#stopped.abort();
    this.#listeners.clear();
  }

  listen(listener) {
    this.#listeners.add(listener);
    listener();
    return () => this.#listeners.delete(listener);
  }

  async #run() {
    const {signal} = this.#stopped;
    while (!signal.aborted) {
      await this.#ask(signal);
      if (signal.aborted) return;
      for (const listener of this.#listeners) listener();
      await new Promise((resolve) => setTimeout(resolve, kEveryMilliseconds));
    }
  }

  async #ask(signal) {
    try {
      const answer = await get('/v1/status', {}, signal);
      // Another start counts from zero: what was before is not of these counters.
      if (this.latest && answer.started_at !== this.latest.started_at) this.samples = [];
      this.latest = answer;
      this.error = null;
      this.samples.push({at: performance.now(), queue: answer.queue, total: answer.total});
    } catch (error) {
      this.error = error;
      this.samples.push({at: performance.now()});
    }
    const oldest = performance.now() - kKeptMilliseconds;
    this.samples = this.samples.filter((sample) => sample.at >= oldest);
  }
}

// How fast a counter rose, in events a minute, at each sample: [{at, value}], value null where it
// is not known. It is taken over ten seconds, so that single events do not stand out as spikes.
export function rates(samples, count) {
  const kSpan = 5;
  return samples.map((sample, i) => {
    const before = samples[Math.max(0, i - kSpan)];
    if (!sample.total || !before.total || before === sample) return {at: sample.at, value: null};
    const minutes = (sample.at - before.at) / 60000;
    return {at: sample.at, value: (count(sample.total) - count(before.total)) / minutes};
  });
}

export function levels(samples, value) {
  return samples.map((sample) => ({at: sample.at, value: sample.queue ? value(sample.queue) : null}));
}
