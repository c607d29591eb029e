import { compileFunction } from 'node:vm'
import { shortDigest } from '../formats/artifact.ts'
import type { UserFunction } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import { digestOf } from '../store/digest.ts'
import { loadedText } from './debug.ts'
import { hostPackages, requireHost } from './host.ts'
import { bundleName, rememberBundle, withUserFunction } from './user-fault.ts'

/** A package that user code may take from its host. */
export function hostRequire(name: string): unknown {
  const known = hostPackages.find((each) => each === name)
  if (known !== undefined) return requireHost(known)
  throw new SlipwayError('CODE_IMPURE', `user code asks for ${name}; workers offer ${hostPackages.join(' and ')}`)
}

/**
 * A user function from its bundle: a fresh instance, so that nothing a module keeps leaks from one step into another.
 * Integrity only, not containment: whoever may sign may run what a worker may.
 * @throws SlipwayError DIGEST_MISMATCH when the text is not the one the digest names, DEFINITION_INVALID when its
 *   modules throw
 */
export function loadFunction(code: string, digest: string): UserFunction {
  if (digestOf(code) !== digest)
    throw new SlipwayError('DIGEST_MISMATCH', `the code bundle ${shortDigest(digest)} was changed`)
  const load = (): UserFunction =>
    (evaluateModule(loadedText(code, digest), bundleName(digest), hostRequire) as { default: UserFunction }).default
  const userFunction = withUserFunction(
    load,
    'DEFINITION_INVALID',
    'code of the pipeline throws when it is loaded',
    'mend what its modules do at their top',
    load,
  )
  rememberBundle(userFunction, code, digest)
  return userFunction
}

/** Runs a CommonJS text and returns its exports. */
export function evaluateModule(code: string, filename: string, require: (name: string) => unknown): unknown {
  const module = { exports: {} }
  compileFunction(code, ['module', 'exports', 'require'], { filename })(module, module.exports, require)
  return module.exports
}
