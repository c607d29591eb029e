/** An error as AWS answers it. */
export class AwsError extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status = 400) {
    super(message)
    this.code = code
    this.status = status
  }
}

export const invalid = (message: string): AwsError => new AwsError('ValidationException', message)
/** What SageMaker says of jobs that are not there; its service model names ResourceNotFound instead. */
export const notThere = (): AwsError => invalid('Requested resource not found.')
