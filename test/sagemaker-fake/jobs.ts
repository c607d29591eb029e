import { AwsError, invalid, notThere } from './errors.ts'
import { type Family, type FamilyMaker, seconds, type Tag, type World } from './world.ts'

/** What the book of a kind keeps of each job. */
export interface Job<Request> {
  readonly request: Request
  readonly arn: string
  readonly createdAt: number
  status: 'InProgress' | 'Stopping' | 'Stopped' | 'Completed' | 'Failed'
  failure?: string
  /** When its work began, and when it was over. */
  startedAt?: number
  endedAt?: number
  /** Asks for its end; there while it lives. */
  stop?: (why: string) => void
}

/** A kind of jobs: what tells them from those of other kinds. */
export interface JobKind<Request extends object, Made extends Job<Request>> {
  /** As operations and members begin: `Training` of `CreateTrainingJob` and `TrainingJobName`. */
  readonly kind: 'Training' | 'Transform' | 'Processing' | 'HyperParameterTuning'
  /** In ARNs and in scripts: `training-job`. */
  readonly resource: string
  /** @throws AwsError for what SageMaker refuses besides what its service model says */
  requireSense(request: Request, world: World): void
  make(job: Job<Request>): Made
  /** Lives through a job, from its creation to its end: it sets `status`, and `stop` before it first waits. */
  live(world: World, job: Made): Promise<void>
  /** What is described of it besides its request, name, ARN, status and failure. */
  describe(job: Made): object
  /** The same in lists. */
  summary?(job: Made): object
}

/** The jobs of a kind in a world. */
export interface JobBook<Request, Made> {
  /** @throws AwsError where the name is taken, or the request makes no sense */
  begin(request: Request): Made
  /** @throws AwsError where there is none */
  find(name: string): Made
  readonly lives: ReadonlySet<Promise<void>>
  all(): Made[]
}

/** A kind of jobs as a family, and for families that begin some of it themselves. */
export interface Jobs<Request, Made> {
  readonly family: FamilyMaker
  in(world: World): JobBook<Request, Made>
}

/** Names, tags, lists, stops and descriptions, which are alike for jobs of all kinds. */
export function jobsOf<Request extends object, Made extends Job<Request>>(
  kind: JobKind<Request, Made>,
): Jobs<Request, Made> {
  const books = new WeakMap<World, JobBook<Request, Made>>()
  const bookIn = (world: World): JobBook<Request, Made> => {
    const book = books.get(world) ?? openBook(world, kind)
    books.set(world, book)
    return book
  }
  return { in: bookIn, family: (world) => familyOf(kind, bookIn(world)) }
}

const nameOf = ({ kind }: { readonly kind: string }, request: object): string =>
  (request as Readonly<Record<string, string>>)[`${kind}JobName`] as string

function openBook<Request extends object, Made extends Job<Request>>(
  world: World,
  kind: JobKind<Request, Made>,
): JobBook<Request, Made> {
  const jobs = new Map<string, Made>()
  const lives = new Set<Promise<void>>()
  return {
    lives,
    all: () => [...jobs.values()],
    find(name) {
      const job = jobs.get(name)
      if (job === undefined) throw notThere()
      return job
    },
    begin(request) {
      const name = nameOf(kind, request)
      const arn = world.arn(kind.resource, name)
      if (jobs.has(name))
        throw new AwsError(
          'ResourceInUse',
          `Job name must be unique within an AWS account and region, and a ${inWords(kind.resource)} with this name already exists (${arn})`,
        )
      kind.requireSense(request, world)
      const job = kind.make({ request, arn, createdAt: seconds(), status: 'InProgress' })
      jobs.set(name, job)
      world.tags.set(arn, (request as { readonly Tags?: Tag[] }).Tags ?? [])
      const life = kind.live(world, job).finally(() => lives.delete(life))
      lives.add(life)
      return job
    },
  }
}

function familyOf<Request extends object, Made extends Job<Request>>(
  jobKind: JobKind<Request, Made>,
  book: JobBook<Request, Made>,
): Family {
  const { kind, resource } = jobKind
  const facts = ({ request, arn, createdAt, status }: Made): object => ({
    [`${kind}JobName`]: nameOf(jobKind, request),
    [`${kind}JobArn`]: arn,
    [`${kind}JobStatus`]: status,
    CreationTime: createdAt,
  })
  return {
    service: 'sagemaker',
    operations: {
      [`Create${kind}Job`]: (request: Request) => ({ [`${kind}JobArn`]: book.begin(request).arn }),
      [`Describe${kind}Job`](request: object) {
        const job = book.find(nameOf(jobKind, request))
        const { Tags: _, ...asked } = job.request as { readonly Tags?: Tag[] }
        const failed = job.failure === undefined ? {} : { FailureReason: job.failure }
        return { ...asked, ...facts(job), ...failed, ...jobKind.describe(job) }
      },
      [`Stop${kind}Job`](request: object) {
        const job = book.find(nameOf(jobKind, request))
        if (job.stop === undefined)
          throw invalid(`The request was rejected because the ${inWords(resource)} is in status ${job.status}.`)
        job.stop(`Stop${kind}Job`)
        return {}
      },
      [`List${kind}Jobs`]: ({ NameContains = '', StatusEquals }) => ({
        [`${kind}JobSummaries`]: book
          .all()
          .filter(
            (job) =>
              nameOf(jobKind, job.request).includes(NameContains) &&
              (StatusEquals === undefined || StatusEquals === job.status),
          )
          .map((job) => ({ ...facts(job), ...jobKind.summary?.(job) })),
      }),
    },
    async stop() {
      for (const job of book.all()) job.stop?.('the fake ends')
      await Promise.all(book.lives)
    },
  }
}

const inWords = (resource: string): string => resource.replaceAll('-', ' ')
