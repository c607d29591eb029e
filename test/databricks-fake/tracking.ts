import { invalid, missing, pairs, Refusal, type Run, type World } from './world.ts'

/** Answers to a request, by method and path below `/api/2.0`. */
// biome-ignore lint/suspicious/noExplicitAny: requests were held to their messages before
export type Handlers = Record<string, (request: any) => unknown>

const root = (run: Run): string => `/databricks/mlflow-tracking/${run.experiment}/${run.id}/artifacts`

/** Experiments, runs and addresses of their files. */
export function tracking(world: World): Handlers {
  const { experiments, runs } = world
  const runOf = (id: string): Run => {
    const run = runs.get(id)
    if (run === undefined) throw missing(`Run ${id}`)
    return run
  }
  const experiment = (id: string) => ({
    experiment: {
      experiment_id: id,
      name: experiments.get(id)?.name,
      artifact_location: `dbfs:/databricks/mlflow-tracking/${id}`,
      lifecycle_stage: 'active',
    },
  })
  const setTags = (of: Map<string, string>, tags: readonly { key: string; value: string }[] = []): void => {
    for (const { key, value } of tags) of.set(key, value)
  }
  return {
    'GET /mlflow/experiments/get-by-name': ({ experiment_name: name }) => {
      const found = [...experiments].find(([, each]) => each.name === name)
      if (found === undefined) throw missing(`Node ${name}`)
      return experiment(found[0])
    },
    'GET /mlflow/experiments/get': ({ experiment_id: id }) => {
      if (!experiments.has(id)) throw missing(`Experiment ${id}`)
      return experiment(id)
    },
    'POST /mlflow/experiments/create': ({ name }) => {
      if (!name.startsWith('/')) throw invalid(`Got an invalid experiment name '${name}'. It is no absolute path.`)
      const id = String(world.nextId())
      experiments.set(id, { name })
      return { experiment_id: id }
    },
    'POST /mlflow/runs/create': ({ experiment_id: id, run_name: name = '', start_time: startTime, tags }) => {
      if (!experiments.has(id)) throw missing(`Experiment ${id}`)
      const runId = String(world.nextId()).padStart(32, '0')
      const run: Run = {
        id: runId,
        experiment: id,
        name,
        status: 'RUNNING',
        startTime,
        tags: new Map(),
        params: new Map(),
        metrics: new Map(),
      }
      setTags(run.tags, tags)
      runs.set(runId, run)
      return { run: shown(run) }
    },
    'GET /mlflow/runs/get': ({ run_id: id }) => ({ run: shown(runOf(id)) }),
    'POST /mlflow/runs/search': ({ experiment_ids: ids = [], filter = '' }) => {
      const [, key, value] = /^tags\.`([^`]+)` = '([^']*)'$/.exec(filter) ?? []
      if (filter !== '' && key === undefined) throw invalid(`the fake knows no filter ${filter}`)
      const found = [...runs.values()].filter(
        (run) => ids.includes(run.experiment) && (key === undefined || run.tags.get(key) === value),
      )
      return found.length === 0 ? {} : { runs: found.map(shown) }
    },
    'POST /mlflow/runs/update': ({ run_id: id, status, end_time: endTime, run_name: name }) => {
      const run = runOf(id)
      if (status !== undefined) run.status = status
      if (name !== undefined) run.name = name
      if (endTime !== undefined) run.endTime = endTime
      return { run_info: shown(run).info }
    },
    'POST /mlflow/runs/set-tag': ({ run_id: id, key, value }) => {
      runOf(id).tags.set(key, value)
      return {}
    },
    'POST /mlflow/runs/delete-tag': ({ run_id: id, key }) => {
      if (!runOf(id).tags.delete(key)) throw missing(`tag ${key}`)
      return {}
    },
    'POST /mlflow/runs/log-batch': ({ run_id: id, metrics = [], params = [], tags }) => {
      const run = runOf(id)
      for (const metric of metrics) run.metrics.set(metric.key, metric)
      setTags(run.params, params)
      setTags(run.tags, tags)
      return {}
    },
    'GET /mlflow/artifacts/list': ({ run_id: id, path = '' }) => {
      const run = runOf(id)
      const folder = path === '' ? `${root(run)}/` : `${root(run)}/${path}/`
      const own = [...world.files].filter(([file]) => file.startsWith(folder))
      const files = new Map<string, unknown>()
      for (const [file, bytes] of own) {
        const [name = '', ...rest] = file.slice(folder.length).split('/')
        const whole = path === '' ? name : `${path}/${name}`
        const isFile = rest.length === 0
        files.set(name, { path: whole, is_dir: !isFile, ...(isFile && { file_size: bytes.length }) })
      }
      return { root_uri: `dbfs:${root(run)}`, files: [...files.values()] }
    },
    'POST /mlflow/artifacts/credentials-for-write': (asked) => credentials(asked, 'write'),
    'POST /mlflow/artifacts/credentials-for-read': (asked) => credentials(asked, 'read'),
  }

  function credentials({ run_id: id, path = [] }: { run_id: string; path?: string[] }, right: string) {
    const run = runOf(id)
    return {
      credential_infos: path.map((each) => ({
        run_id: id,
        path: each,
        ...signed(world, `${root(run)}/${each}`, right),
        type: world.options.signing ?? 'AWS_PRESIGNED_URL',
      })),
    }
  }
}

/** An address for one file, with a header that belongs to it. */
export function signed(world: World, path: string, right: string) {
  const signature = `${right}-${world.nextId()}`
  world.signatures.add(signature)
  const at = path.split('/').map(encodeURIComponent).join('/')
  const isData = world.options.signing === 'AZURE_ADLS_GEN2_SAS_URI'
  const isBlob = world.options.signing === 'AZURE_SAS_URI'
  // A name that MLflow's client passes on in either kind of request to Azure.
  const name = isData || isBlob ? 'x-ms-client-request-id' : 'x-signed'
  return {
    signed_uri: `${world.address}/storage${at}?sig=${signature}`,
    headers: [{ name, value: signature }],
  }
}

function shown(run: Run) {
  const { id, experiment, name, status, startTime, endTime, metrics, params, tags } = run
  return {
    info: {
      run_id: id,
      run_uuid: id,
      experiment_id: experiment,
      run_name: name,
      status,
      ...(startTime !== undefined && { start_time: startTime }),
      ...(endTime !== undefined && { end_time: endTime }),
      artifact_uri: `dbfs:${root(run)}`,
      lifecycle_stage: 'active',
    },
    data: { metrics: [...metrics.values()], params: pairs(params), tags: pairs(tags) },
  }
}

export const unsupported = (call: string): Refusal =>
  new Refusal(404, 'ENDPOINT_NOT_FOUND', `No API found for '${call}'`)
