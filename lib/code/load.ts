import { compileFunction } from 'node:vm'
import { shortDigest } from '../formats/artifact.ts'
import type { UserFunction } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import { digestOf } from '../store/digest.ts'
import { loadedText } from './debug.ts'
import { hostedFunction, realmFor } from './realm/realm.ts'
import { bundleName, rememberBundle, withUserFunction } from './user-fault.ts'

/**
 * A user function from its bundle: a fresh instance, so that nothing a module keeps leaks from one step into another,
 * in the realm of user code, so that nothing it does to built-ins reaches another model.
 * Integrity, not containment: whoever may sign may run what a worker may.
 * @throws SlipwayError DIGEST_MISMATCH when the text is not the one the digest names, DEFINITION_INVALID when its
 *   modules throw, HOST_MISMATCH when a package it takes from its host is not there
 */
export function loadFunction(code: string, digest: string): UserFunction {
  if (digestOf(code) !== digest)
    throw new SlipwayError('DIGEST_MISMATCH', `the code bundle ${shortDigest(digest)} was changed`)
  const realm = realmFor(code)
  const load = (): UserFunction =>
    (realm.evaluate(loadedText(code, digest), bundleName(digest)) as { default: UserFunction }).default
  const inRealm = withUserFunction(
    load,
    'DEFINITION_INVALID',
    'code of the pipeline throws when it is loaded',
    'mend what its modules do at their top',
    load,
  )
  if (typeof inRealm !== 'function') return inRealm
  const userFunction = hostedFunction(realm, inRealm)
  rememberBundle(userFunction, { code, digest, text: String(inRealm) })
  return userFunction
}

/** Runs a CommonJS text of this process's own realm, a definition, and returns its exports. */
export function evaluateModule(code: string, filename: string, require: (name: string) => unknown): unknown {
  const module = { exports: {} }
  compileFunction(code, ['module', 'exports', 'require'], { filename })(module, module.exports, require)
  return module.exports
}
