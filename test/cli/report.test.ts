import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { junit, junitOfError } from '../../cli/report.ts'
import type { RunRecord } from '../../lib/formats/records.ts'

const record = (text: string): RunRecord => ({
  runId: `loans-1 ${text}`,
  workflowId: 'run/loans-1',
  pipeline: 'loans',
  status: 'gate failed',
  exitCode: 12,
  plan: { digest: `sha256:${'0'.repeat(64)}` },
  steps: [{ name: text, kind: 'train', cached: false, stepKey: '', seconds: 1.5, summary: '', outputs: [] }],
  gates: [{ name: text, passed: false, metric: 'auc', value: 0.5, limit: 0.6, evidence: text }],
  model: null,
  metrics: {},
  rollout: null,
  error: { code: 'FEATURES_FAILED', message: text, step: null, next: null },
  startedAt: '',
  finishedAt: '',
  origin: {},
})

/** Parses documents with Python's own parser: attributes of all elements, in order. */
function parse(documents: readonly string[]): Record<string, string>[][] {
  const program =
    'import json,sys,xml.etree.ElementTree as e; print(json.dumps([[x.attrib for x in e.fromstring(d.encode("utf-8")).iter()] for d in json.load(sys.stdin)]))'
  return JSON.parse(execFileSync('python3', ['-c', program], { input: JSON.stringify(documents), encoding: 'utf8' }))
}

describe('a JUnit report', () => {
  it('is well-formed XML that says what happened, whatever messages hold', () => {
    const odd = ['<&"\'>', 'two\nlines\tand\r', '\u0000\u001b[31mred', ']]>', '\ud800', '\ufffe', '😀 ≤ 1', '']
    const texts = [...odd, ...fc.sample(fc.string({ unit: 'binary' }), 60)]
    const read = parse(texts.flatMap((text) => [junit(record(text)), junitOfError('loans', 'WAIT_TIMED_OUT', text)]))
    texts.forEach((text, i) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those that XML cannot hold
      const said = text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/gu, '?')
      const [suite, step, gate, failure, , error] = read[2 * i] ?? []
      expect(suite).toMatchObject({ tests: '3', failures: '1', errors: '1' })
      expect(step).toMatchObject({ classname: 'loans.steps', name: said, time: '1.500' })
      expect([gate?.name, failure?.message]).toEqual([said, said])
      expect(error).toEqual({ type: 'FEATURES_FAILED', message: said })
      const [, , late] = read[2 * i + 1] ?? []
      expect(late).toEqual({ type: 'WAIT_TIMED_OUT', message: said })
    })
  })
})
