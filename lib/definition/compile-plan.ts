import type { UserFunction } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import { type CodeRef, Plan, type SplitRule, type Step, type StepKind, type StepOf } from '../formats/plan.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import { nameOfStep, numberedId, recordedId, requireOwnName, settleIds } from '../formats/step-names.ts'
import { delimiterOf, formatOf, type TableFormat } from '../formats/table-format.ts'
import { batchPolicyOf } from './batch.ts'
import type { Builder, SplitBy } from './builder.ts'
import { rowSchemaOf } from './contract/from-zod.ts'
import { withDefaultGates } from './default-gate.ts'
import { policyOf } from './deploy.ts'
import { durationMs } from './duration.ts'
import { monitorPolicyOf } from './monitor.ts'

/**
 * Has a pipeline's function record its steps, and makes the plan of them.
 * @throws SlipwayError DEFINITION_INVALID
 */
export function compilePlan(
  name: string,
  define: (p: Builder) => void,
  codeOf: (userFunction: UserFunction, role: string) => CodeRef,
): Plan {
  let steps: Step[] = []
  const packages: string[] = []
  const deploys: StepOf<'deploy'>[] = []
  const monitors: StepOf<'monitor'>[] = []
  const batches: StepOf<'batch'>[] = []
  const guards: StepOf<'guard'>[] = []
  const uncompared = new Set<string>()
  const add = (step: Step): string => {
    requireOwnName(name, steps, step)
    steps.push(step)
    return step.id
  }
  const trainingOf = (packageId: string): StepOf<'train'> => {
    const packaged = steps.find((step) => step.id === packageId) as StepOf<'package'>
    return steps.find((step) => step.id === packaged.model) as StepOf<'train'>
  }
  const idFor = (kind: StepKind): string => numberedId(steps, kind)
  const p: Builder = {
    snapshot(source, { from, schema, format, na, delimiter, header }) {
      const columns = rowSchemaOf(schema, na)
      const parted = delimiter ?? delimiterOf(from)
      const id = add({
        id: recordedId('snapshot', source),
        kind: 'snapshot',
        from,
        format: format ?? requireFormat(from),
        ...(parted === ',' ? {} : { delimiter: parted }),
        ...(header === undefined ? {} : { header }),
        schema: columns,
      })
      return { kind: 'table', id, schema: columns }
    },
    validate(table, { maxBadRows = 0, completeness = {}, unique = [] } = {}) {
      const id = add({
        id: idFor('validate'),
        kind: 'validate',
        table: table.id,
        schema: table.schema,
        maxBadRows,
        completeness: completeness as Record<string, number>,
        unique: unique.map((columns) => [...columns]),
      })
      return { kind: 'table', id, schema: table.schema }
    },
    split(table, rule) {
      const id = add({ id: idFor('split'), kind: 'split', table: table.id, rule: splitRuleOf(rule) })
      const part = <P extends 'train' | 'validation' | 'test'>(which: P) => ({ kind: 'part' as const, id, part: which })
      return {
        kind: 'split',
        id,
        schema: table.schema,
        train: part('train'),
        validation: part('validation'),
        test: part('test'),
      }
    },
    train(called, { on, features, target, crosses, weight, learner, seed }) {
      for (const [what, column] of [
        ['target', target.column],
        ['weight', weight],
      ] as const)
        if (column !== undefined && !on.schema.some(({ name }) => name === column))
          throw new SlipwayError('DEFINITION_INVALID', `the ${what} of "${called}" is no column: "${column}"`, {
            next: `there are ${on.schema.map(({ name }) => name).join(', ')}`,
          })
      const { type } = on.schema.find(({ name }) => name === target.column) as RowSchema[number]
      if (target.task === 'binary' && target.code === undefined && !['number', 'integer', 'boolean'].includes(type))
        throw new SlipwayError(
          'DEFINITION_INVALID',
          `the target of "${called}" is a ${type} column: "${target.column}"`,
          {
            next: `binary('${target.column}') wants 0 and 1 or truth values: give it a function, binary('${target.column}', fn)`,
          },
        )
      if ((weight as string | undefined) === target.column)
        throw new SlipwayError('DEFINITION_INVALID', `"${weight}" is both the target and the weight of "${called}"`, {
          next: 'weigh rows by another column',
        })
      const id = add({
        id: recordedId('train', called),
        kind: 'train',
        split: on.id,
        task: target.task,
        inputs: on.schema.filter(({ name }) => name !== target.column && name !== weight),
        features: codeOf(features as UserFunction, 'features'),
        target:
          target.code === undefined
            ? { column: target.column }
            : { column: target.column, code: codeOf(target.code as UserFunction, 'target') },
        ...(crosses !== undefined && { crosses: crosses.map((of) => [...of]) }),
        ...(weight !== undefined && { weight }),
        learner,
        seed,
      })
      return { kind: 'model', id }
    },
    package(model, { parity = 1e-5, inputVersion = 1 } = {}) {
      const id = add({ id: idFor('package'), kind: 'package', model: model.id, parity, signature: inputVersion })
      packages.push(id)
      return { kind: 'package', id }
    },
    gate(candidate, { on, must, champion, seed = 0 }) {
      if (champion === 'not compared') uncompared.add(candidate.id)
      const checks = must.map(({ check }) => check)
      const slices = [...new Set(checks.flatMap(({ slice }) => slice ?? []))].sort()
      const { task, target } = trainingOf(candidate.id)
      const evaluation = add({
        id: idFor('evaluate'),
        kind: 'evaluate',
        package: candidate.id,
        split: on.id,
        part: on.part,
        slices,
        task,
        target,
      })
      add({ id: idFor('gate'), kind: 'gate', package: candidate.id, evaluation, model: name, must: checks, seed })
    },
    approve(candidate, { role, within, otherwise }) {
      const withinMs = durationMs(within)
      add({ id: idFor('approve'), kind: 'approve', package: candidate.id, role, withinMs, otherwise })
    },
    deploy(candidate, options) {
      const { endpoint } = options
      const id = deploys.length === 0 ? 'deploy' : `deploy-${deploys.length + 1}`
      if (deploys.some((step) => step.package === candidate.id && step.endpoint === endpoint)) {
        throw new SlipwayError('DEFINITION_INVALID', `pipeline "${name}" deploys one package to "${endpoint}" twice`, {
          next: 'leave one p.deploy out',
        })
      }
      deploys.push({
        id,
        kind: 'deploy',
        package: candidate.id,
        model: name,
        endpoint,
        policy: policyOf(options),
        ...(options.target !== undefined && { target: options.target }),
      })
      return { kind: 'endpoint', id, endpoint }
    },
    monitor(live, options) {
      const deployed = deploys.find(({ id }) => id === live.id) as StepOf<'deploy'>
      const training = trainingOf(deployed.package)
      const split = steps.find((step) => step.id === training.split) as StepOf<'split'>
      const policy = monitorPolicyOf(options)
      if (policy.retrain !== null) {
        const { margin, alpha } = policy.retrain
        guards.push({
          id: guards.length === 0 ? 'never-worse' : `never-worse-${guards.length + 1}`,
          kind: 'guard',
          package: deployed.package,
          split: training.split,
          endpoint: live.endpoint,
          task: training.task,
          target: training.target,
          margin,
          alpha,
        })
      }
      monitors.push({
        id: monitors.length === 0 ? 'monitor' : `monitor-${monitors.length + 1}`,
        kind: 'monitor',
        package: deployed.package,
        model: name,
        endpoint: live.endpoint,
        policy,
        time: split.rule.by === 'age' ? split.rule.column : null,
      })
    },
    batch(live, batchName, options) {
      const deployed = deploys.find(({ id }) => id === live.id) as StepOf<'deploy'>
      if (batches.some((step) => step.name === batchName))
        throw new SlipwayError('DEFINITION_INVALID', `pipeline "${name}" has two batches "${batchName}"`, {
          next: 'give one of them another name',
        })
      batches.push({
        id: batches.length === 0 ? 'batch' : `batch-${batches.length + 1}`,
        kind: 'batch',
        package: deployed.package,
        model: name,
        endpoint: live.endpoint,
        name: batchName,
        policy: batchPolicyOf(batchName, options),
      })
    },
  }
  define(p)
  steps = withDefaultGates(steps, uncompared, name).filter((step) => step.kind !== 'gate' || step.must.length > 0)
  // Whatever is registered has passed, the guard's tests included; people are asked before.
  for (const step of guards) add(step)
  for (const id of packages) add({ id: idFor('register'), kind: 'register', package: id, model: name })
  // What is served is what is registered.
  for (const step of [...deploys, ...monitors, ...batches]) add(step)
  const parsed = Plan.safeParse({ slipway: 'plan/1', pipeline: name, steps: settleIds(steps) })
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const where =
      issue?.path[0] === 'steps' && issue.path.length > 1
        ? `step "${nameOfStep(steps[Number(issue.path[1])] as Step)}", ${issue.path.slice(2).join('.')}`
        : issue?.path.join('.')
    throw new SlipwayError('DEFINITION_INVALID', `pipeline "${name}", ${where}: ${issue?.message}`, {
      next: 'correct the definition',
      step: issue?.path[0] === 'steps' ? steps[Number(issue.path[1])]?.id : undefined,
    })
  }
  return parsed.data
}

/** @throws SlipwayError DEFINITION_INVALID */
function splitRuleOf<Row>(rule: SplitBy<Row>): SplitRule {
  if ('validationFrom' in rule)
    return { by: 'time', column: rule.by, validationFrom: rule.validationFrom, testFrom: rule.testFrom }
  if ('by' in rule) {
    const { by, test, validation, window } = rule
    return {
      by: 'age',
      column: by,
      validationMs: durationMs(validation),
      testMs: durationMs(test),
      windowMs: window === undefined ? null : durationMs(window),
      until: null,
    }
  }
  const { seed = 0 } = rule
  const { validation, test } = 'random' in rule ? rule.random : rule
  if (validation + test >= 1)
    throw new SlipwayError('DEFINITION_INVALID', `shares of ${validation} and ${test} leave no rows to train on`, {
      next: 'ask for less than all, for example validation: 0.2, test: 0.2',
    })
  if ('random' in rule) return { by: 'random', validation, test, seed }
  if ('byHashOf' in rule) return { by: 'hash', column: rule.byHashOf, validation, test, seed }
  return { by: 'stratum', column: rule.stratifiedBy, validation, test, seed }
}

/** @throws SlipwayError DEFINITION_INVALID */
function requireFormat(from: string): TableFormat {
  const format = formatOf(from)
  if (format !== undefined) return format
  throw new SlipwayError('DEFINITION_INVALID', `cannot tell the format of "${from}" from its name`, {
    next: "say format: 'parquet', 'csv' or 'json'",
  })
}
