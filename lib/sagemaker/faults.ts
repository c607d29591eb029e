import { SlipwayError } from '../formats/errors.ts'

/** Parts of an error that the SDK throws. */
interface AwsFault {
  readonly name?: string
  readonly message?: string
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

const throttled = /^(Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestLimitExceeded)$/
const denied =
  /^(AccessDenied|AccessDeniedException|UnrecognizedClientException|InvalidClientTokenId|ExpiredToken(Exception)?|InvalidSignatureException|SignatureDoesNotMatch|CredentialsProviderError|MissingAuthenticationToken(Exception)?)$/
const isAbsent = /(requested resource not found|could not find|does not exist|not found|cannot find)/i
const isThere = /(already exist|must be unique|already existing)/i

/** What SageMaker answers of something that is not there: by its own error, or as a request that is not valid. */
export function isNotFound(error: unknown): boolean {
  const { name = '', message = '' } = error as AwsFault
  if (name === 'ResourceNotFound' || name === 'ResourceNotFoundException') return true
  return name === 'ValidationException' && isAbsent.test(message) && !isThere.test(message)
}

/** The same of a name that is taken. */
export function isTaken(error: unknown): boolean {
  const { name = '', message = '' } = error as AwsFault
  if (name === 'ResourceInUse' || name === 'ConflictException') return isThere.test(message) || name === 'ResourceInUse'
  return name === 'ValidationException' && isThere.test(message)
}

/** Throttled, or not answered: nothing is known of the call then but that. */
export function isPassing(error: unknown): boolean {
  const { code } = asSlipway(error, '')
  return code === 'SAGEMAKER_THROTTLED' || code === 'SAGEMAKER_UNREACHABLE'
}

/**
 * An error of the SDK as one of ours.
 * @param doing what was tried, as it goes on after "SageMaker could not": `begin the training job x`
 */
export function sageMakerError(error: unknown, doing: string): SlipwayError {
  return asSlipway(error, doing)
}

function asSlipway(error: unknown, doing: string): SlipwayError {
  if (error instanceof SlipwayError) return error
  const { name = '', message = '', code = '', $metadata } = error as AwsFault
  const said = (what: string): string => `${what}: ${doing}${message === '' ? '' : ` (${name}: ${message})`}`
  const cause = { cause: error }
  if (throttled.test(name))
    return new SlipwayError(
      'SAGEMAKER_THROTTLED',
      said('SageMaker throttled for too long'),
      { next: 'let fewer things ask SageMaker at once, or have the API quota of this account raised; then run again' },
      cause,
    )
  if (denied.test(name) || $metadata?.httpStatusCode === 401 || $metadata?.httpStatusCode === 403)
    return new SlipwayError(
      'SAGEMAKER_DENIED',
      said('SageMaker refuses this'),
      {
        next: 'check the AWS credentials of whoever runs this, what they may do (docs/sagemaker.md), and the role',
      },
      cause,
    )
  if (name === 'ResourceLimitExceeded' || name === 'ServiceQuotaExceededException')
    return new SlipwayError(
      'SAGEMAKER_QUOTA',
      said('a quota of this account is used up'),
      { next: 'wait until others have ended, take another instance type, or have the quota raised; then run again' },
      cause,
    )
  if (/region is missing/i.test(message))
    return new SlipwayError('SAGEMAKER_REFUSED', said('no AWS region is set'), { next: 'set AWS_REGION' }, cause)
  if (isNotFound(error) || isTaken(error) || isClientFault($metadata?.httpStatusCode))
    return new SlipwayError(
      'SAGEMAKER_REFUSED',
      said('SageMaker does not take this'),
      { next: 'correct what it names in the pipeline' },
      cause,
    )
  return new SlipwayError(
    'SAGEMAKER_UNREACHABLE',
    said(`SageMaker does not answer as it should${code === '' ? '' : ` (${code})`}`),
    { next: 'check AWS_REGION, AWS_ENDPOINT_URL_SAGEMAKER and the network' },
    cause,
  )
}

const isClientFault = (status: number | undefined): boolean => status !== undefined && status >= 400 && status < 500
