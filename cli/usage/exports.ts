import * as kinds from '../names.ts'
import type { Usage } from './usage.ts'

const argoAnalysis = () => import('../exports/argo-analysis.ts')
const azureMl = () => import('../exports/azureml.ts')
const cycloneDx = () => import('../exports/cyclonedx.ts')
const dvc = () => import('../exports/dvc.ts')
const flagger = () => import('../exports/flagger.ts')
const kserve = () => import('../exports/kserve.ts')
const oms = () => import('../exports/oms.ts')
const openLineage = () => import('../exports/openlineage.ts')
const plan = () => import('../exports/plan.ts')
const python = () => import('../exports/python.ts')
const vertex = () => import('../exports/vertex.ts')
const triton = () => import('../exports/triton.ts')

/** What is written for other systems, or to be kept: a file of `cli/exports/` each. */
export function exportCommands(program: Usage): void {
  const exports = program.command('export').description('write what is on record in the form of another system')
  exports
    .command('plan', { isDefault: true })
    .description('the plan of a run as JSON, from the store; what export <run> alone does')
    .takes('<run>', kinds.id)
    .offers('--output <file>', 'write it there', kinds.path)
    .json()
    .does(async (run, options) => (await plan()).exportPlan(run, options))
  exports
    .command('dvc')
    .description('a snapshot as a pointer of DVC, its bytes in a remote that `dvc pull` reads')
    .takes('<snapshot>', kinds.snapshotOrRun)
    .needs('--to <file>', 'the pointer: data/flights.parquet.dvc', kinds.dvcPointer)
    .offers('--remote <where>', 'a folder, s3://bucket/prefix, or a remote of .dvc/config by name', kinds.path)
    .json()
    .examples(
      'npx slipway export dvc 3f9a1c22b0d4 --to data/flights.parquet.dvc',
      'npx slipway export dvc flights-20261122-034512-k3x9 --to data/flights.parquet.dvc --remote s3://lake/dvc',
    )
    .does(async (snapshot, options) => (await dvc()).exportDvc(snapshot, options))
  pythonCommand(exports)
  exports
    .command('oms')
    .description('a model as a folder that `model_signing verify key` accepts')
    .takes('<model>', kinds.modelVersion)
    .needs('--to <folder>', 'where it is written', kinds.path)
    .needs('--key <file>', 'a private key to sign it with: ECDSA on P-256, P-384 or P-521, as PEM', kinds.path)
    .json()
    .examples('npx slipway export oms flights@3 --to signed/flights --key model.pem')
    .does(async (model, options) => (await oms()).exportSigned(model, options))
  exports
    .command('cyclonedx')
    .description('a bill of materials of a model (CycloneDX 1.6)')
    .takes('<model>', kinds.modelVersion)
    .offers('--output <file>', 'write it there', kinds.path)
    .json()
    .examples('npx slipway export cyclonedx flights@3 --output flights.cdx.json')
    .does(async (model, options) => (await cycloneDx()).exportBom(model, options))
  exports
    .command('openlineage')
    .description('finished runs as events of OpenLineage: what they read and made')
    .takes('<run>', kinds.id)
    .needs('--to <where>', 'a file, or the address of a server', kinds.path)
    .offers('--namespace <name>', 'of jobs, and of what Slipway makes; slipway by default', kinds.name)
    .json()
    .examples(
      'npx slipway export openlineage flights --to runs.ndjson',
      'npx slipway export openlineage flights --to http://127.0.0.1:5000',
    )
    .does(async (run, options) => (await openLineage()).exportOpenLineage(run, options))
  rolloutCommands(exports)
  platformCommands(exports)
  serverCommands(exports)
}

/** Models for servers of others. */
function serverCommands(exports: Usage): void {
  exports
    .command('kserve')
    .description('an InferenceService of KServe: what a route names, with its share in a rollout')
    .takes('<endpoint>', kinds.name)
    .needs('--image <image>', 'an image of slipway package --oci', kinds.image)
    .offers('--storage <uri>', 'where the model lies, if it is not in the image: s3://bucket/folder', kinds.address)
    .offers('--namespace <name>', 'its namespace', kinds.name)
    .offers('--output <file>', 'write it there', kinds.path)
    .json()
    .examples('npx slipway export kserve flights --image images.example/flights:3 > service.yaml')
    .does(async (endpoint, options) => (await kserve()).exportKserve(endpoint, options))
  exports
    .command('triton')
    .description('a model repository of Triton, for its ONNX Runtime backend, from features on')
    .takes('<model>', kinds.modelVersion)
    .needs('--to <folder>', 'the repository; the model gets a folder of its name in it', kinds.path)
    .json()
    .examples('npx slipway export triton flights@3 --to models')
    .does(async (model, options) => (await triton()).exportTriton(model, options))
}

/** What asks for the verdict on a rollout of ours. */
function rolloutCommands(exports: Usage): void {
  exports
    .command('argo-analysis')
    .description('an AnalysisTemplate of Argo Rollouts that asks for the verdict on a rollout')
    .takes('<endpoint>', kinds.name)
    .needs('--gateway <address>', 'the gateways, as the cluster reaches them', kinds.serverAddress)
    .offers('--interval <duration>', 'how often it asks, 30s by default', kinds.duration)
    .offers('--within <duration>', 'how long it waits for a decision, 24h by default', kinds.duration)
    .offers('--secret <name>', 'the secret whose key token is a token of the gateways', kinds.name)
    .offers('--output <file>', 'write it there', kinds.path)
    .json()
    .examples('npx slipway export argo-analysis flights --gateway http://slipway-gateway:8080 > analysis.yaml')
    .does(async (endpoint, options) => (await argoAnalysis()).exportArgoAnalysis(endpoint, options))
  exports
    .command('flagger')
    .description('a Canary of Flagger whose webhooks ask for the verdict on a rollout')
    .takes('<endpoint>', kinds.name)
    .needs('--gateway <address>', 'the gateways, as the cluster reaches them', kinds.serverAddress)
    .needs('--deployment <name>', 'the Deployment that Flagger rolls out', kinds.name)
    .offers('--port <port>', 'its port, 80 by default', kinds.whole(1, 65_535))
    .offers('--interval <duration>', 'how often it asks, 30s by default', kinds.duration)
    .offers(
      '--version <version>',
      'the candidate that it is about; without it the rollout that goes on',
      kinds.versionNumber,
    )
    .offers(
      '--prometheus <address>',
      'adds a metric of the failures, from a Prometheus that scrapes the gateways',
      kinds.serverAddress,
    )
    .offers('--output <file>', 'write it there', kinds.path)
    .json()
    .examples(
      'npx slipway export flagger flights --gateway http://slipway-gateway:8080 --deployment checkout > canary.yaml',
    )
    .does(async (endpoint, options) => (await flagger()).exportFlagger(endpoint, options))
}

/** What makes another platform serve by the images of `package --oci` as a route says. */
function platformCommands(exports: Usage): void {
  const common = (command: Usage, machine: string): Usage =>
    command
      .takes('<endpoint>', kinds.name)
      .needs('--image <repository>', 'where the images of package --oci are, without a tag', kinds.image)
      .offers('--machine <type>', `the kind of machine, ${machine} by default`, kinds.machine)
      .offers('--to <folder>', 'where they are written; a folder of the endpoint’s name by default', kinds.path)
      .json()
  common(
    exports
      .command('vertex')
      .description('bodies of Vertex AI’s requests: models, and an endpoint with its traffic split'),
    'n1-standard-2',
  )
    .examples('npx slipway export vertex flights --image europe-docker.pkg.dev/team/models/flights')
    .does(async (endpoint, options) => (await vertex()).exportVertex(endpoint, options))
  common(
    exports
      .command('azureml')
      .description('YAML of Azure ML: an online endpoint with its traffic, a deployment a version'),
    'Standard_DS3_v2',
  )
    .examples('npx slipway export azureml flights --image team.azurecr.io/flights --to azure/')
    .does(async (endpoint, options) => (await azureMl()).exportAzureMl(endpoint, options))
}

function pythonCommand(exports: Usage): void {
  exports
    .command('python')
    .description('a model as a folder that Python scores with ONNX Runtime, from features on')
    .takes('<model>', kinds.modelVersion)
    .offers('--to <folder>', 'where the folder is written; python/<model> by default', kinds.path)
    .offers('--probe <file>', 'rows to compare answers on, instead of such as are made up', kinds.existingFile)
    .json()
    .examples('npx slipway export python flights@3 --to app/model')
    .does(async (model, options) => (await python()).exportPython(model, options))
}
