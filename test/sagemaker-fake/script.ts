import { AwsError } from './errors.ts'

/** A call that does not end as it should. */
export interface Fault {
  /** Of SageMaker or another service, `*` for any. */
  readonly operation: string
  /** What has to be somewhere in the request, a resource's name for instance. */
  readonly name?: string
  /** How many calls: one unless it is said. */
  readonly times?: number
  /** The error's code; `lost` carries the call out and breaks the connection before the answer. */
  readonly code: string
  readonly message?: string
  readonly status?: number
}

/** A resource that does not behave as it should: what exactly is for its family to say. */
export interface Behaviour {
  /** For instance `training-job`. */
  readonly resource: string
  readonly does: string
  /** What has to be in its name. */
  readonly name?: string
  /** How many resources or occasions: one unless it is said. */
  readonly times?: number
  readonly [detail: string]: unknown
}

/** The script of a fake: what it was told to do wrong. What is used up is gone. */
export class Script {
  private readonly faults: { readonly fault: Fault; left: number }[] = []
  private readonly behaviours: { readonly behaviour: Behaviour; left: number }[] = []

  addFault(fault: Fault): void {
    this.faults.push({ fault, left: fault.times ?? 1 })
  }

  addBehaviour(behaviour: Behaviour): void {
    this.behaviours.push({ behaviour, left: behaviour.times ?? 1 })
  }

  /** Takes the first fault that a call meets. */
  faultOf(operation: string, request: unknown): Fault | undefined {
    const text = JSON.stringify(request ?? {})
    const met = this.faults.find(
      ({ fault, left }) =>
        left > 0 && (fault.operation === '*' || fault.operation === operation) && text.includes(fault.name ?? ''),
    )
    if (met !== undefined) met.left--
    return met?.fault
  }

  /** Takes what a resource was told to do. */
  take(resource: string, name: string, does: string): Behaviour | undefined {
    const met = this.behaviours.find(
      ({ behaviour, left }) =>
        left > 0 && behaviour.resource === resource && behaviour.does === does && name.includes(behaviour.name ?? ''),
    )
    if (met !== undefined) met.left--
    return met?.behaviour
  }
}

const usual: Readonly<Record<string, { readonly message: string; readonly status?: number }>> = {
  ThrottlingException: { message: 'Rate exceeded' },
  AccessDeniedException: { message: 'User is not authorized to perform this operation' },
  ResourceLimitExceeded: { message: 'The account-level service limit has been reached' },
  InternalFailure: { message: 'Internal failure', status: 500 },
}

/** The error that a fault ends a call with. */
export const errorOf = ({ code, message, status }: Fault): AwsError =>
  new AwsError(code, message ?? usual[code]?.message ?? code, status ?? usual[code]?.status)
