/** The text that Prometheus reads, compared with what its own client library writes. */
import { describe, expect, test } from '@jest/globals'
import * as client from 'prom-client'
import {
  Counter,
  countOf,
  gauge,
  gauges,
  Histogram,
  PROMETHEUS_CONTENT_TYPE,
  prometheusText,
} from '../../proxy/prometheus-text.ts'

describe('the same numbers give the same text as prom-client:', () => {
  const theirs = (make: (registers: client.Registry[]) => void) => {
    const registry = new client.Registry()
    make([registry])
    return registry.metrics()
  }

  test('counters with labels that need escaping', async () => {
    const options = { name: 'c_total', help: 'Two lines\nand a \\.' }
    const awkward = 'quote " backslash \\ line\nend'
    const ours = new Counter({ ...options, labels: ['a', 'b'] })
    for (const value of ['x', awkward, 'x']) ours.increase(value, 'y')
    const expected = await theirs((registers) => {
      const counter = new client.Counter({ ...options, labelNames: ['a', 'b'], registers })
      for (const value of ['x', awkward, 'x']) counter.inc({ a: value, b: 'y' })
    })
    expect(prometheusText([ours])).toBe(expected)
  })

  test('gauges, plain and by a label, and counts that are kept elsewhere', async () => {
    const named = (name: string) => ({ name, help: `Help of ${name}.` })
    const ours = [
      gauge(named('plain'), () => -1.5),
      gauges({ ...named('by_label'), label: 'l', values: ['p', 'q'] }, (value) =>
        value === 'p' ? 1 : 0,
      ),
      countOf(named('n_total'), () => 7),
    ]
    const expected = await theirs((registers) => {
      new client.Gauge({ ...named('plain'), registers }).set(-1.5)
      const labelled = new client.Gauge({ ...named('by_label'), labelNames: ['l'], registers })
      labelled.set({ l: 'p' }, 1)
      labelled.set({ l: 'q' }, 0)
      new client.Counter({ ...named('n_total'), registers }).inc(7)
    })
    // Theirs has empty lines between metrics.
    expect(prometheusText(ours)).toBe(expected.replaceAll('\n\n', '\n'))
  })

  test('histograms: a value on a bound, below all of them and above all of them', async () => {
    const options = { name: 'h_seconds', help: 'How long.' }
    const bounds = [0.5, 1, 2]
    const values = [0.1, 0.5, 1.5, 99, 2]
    const ours = new Histogram({ ...options, labels: ['direction'], bounds })
    for (const value of values) ours.observe(value, 'in')
    const expected = await theirs((registers) => {
      const histogram = new client.Histogram({
        ...options,
        labelNames: ['direction'],
        buckets: bounds,
        registers,
      })
      for (const value of values) histogram.observe({ direction: 'in' }, value)
    })
    expect(prometheusText([ours])).toBe(expected)
  })

  test('and so is the content type', () => {
    expect(PROMETHEUS_CONTENT_TYPE).toBe(new client.Registry().contentType)
  })
})

test('a metric that has counted nothing yet still says what it is', () => {
  const text = prometheusText([new Counter({ name: 'c_total', help: 'H.', labels: ['a'] })])
  expect(text).toBe('# HELP c_total H.\n# TYPE c_total counter\n')
})
