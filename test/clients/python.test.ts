import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { errorCodes, exitCodes } from '../../lib/formats/errors.ts'

/*
 * What the Python client has to have in common with the rest, as its files say it: test/peers runs it.
 */
const client = (file: string): string => readFileSync(join(packageRoot, 'clients/python', file), 'utf8')
const errors = client('src/slipway_client/errors.py')

describe('clients/python', () => {
  it('has a class for every exit code', () => {
    const codes = [...errors.matchAll(/^ {4}exit_code = (\d+)$/gm)].map(([, code]) => Number(code))
    const failures = Object.values(exitCodes).filter((code) => code !== 0)
    expect(codes.toSorted((a, b) => a - b)).toEqual(failures)
  })

  it('knows codes that exist, with classes of their exit codes', () => {
    const classes = new Map(
      [...errors.matchAll(/^class (\w+)\((\w+)\):\n(?:.*\n)*?(?=\n\n)/gm)].map(([text, name, base]) => {
        const own = /exit_code = (\d+)/.exec(text)?.[1]
        return [name as string, { base: base as string, own: own === undefined ? undefined : Number(own) }]
      }),
    )
    const exitCodeOf = (name: string): number => {
      const { own, base } = classes.get(name) as { own: number | undefined; base: string }
      return own ?? (base === 'SlipwayError' ? 1 : exitCodeOf(base))
    }
    const named = [...errors.matchAll(/^ {4}"([A-Z_]+)": (\w+),$/gm)].map(([, code, name]) => [code, name as string])
    expect(named.length).toBeGreaterThan(10)
    for (const [code, name] of named)
      expect([code, exitCodeOf(name as string)]).toEqual([code, errorCodes[code as never]])
  })

  it('has the version of Slipway', () => {
    const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
    expect(client('pyproject.toml')).toContain(`\nversion = "${version}"\n`)
    expect(client('src/slipway_client/__init__.py')).toContain(`__version__ = "${version}"`)
  })
})
