import { openLog, type ProgramLog } from '../../learners/program/log.ts'
import type { SageMakerClients } from '../../sagemaker/clients.ts'
import { type JobLog, jobLog } from '../../sagemaker/job-log.ts'

/** Largest log that is kept, bytes. */
const logBytes = 4e6

/**
 * A job's log on SageMaker, written down as that of a program here is, at the times that SageMaker says.
 * @param file where it is written
 * @param metrics expressions by name, read from its lines
 */
export function openJobBook(
  clients: Pick<SageMakerClients, 'logs'>,
  where: { readonly group: string; readonly job: string },
  file: string,
  metrics: Readonly<Record<string, string>> = {},
): { readonly book: ProgramLog; readonly lines: JobLog } {
  let at = new Date()
  const book = openLog(file, logBytes, Object.entries(metrics), () => at)
  const lines = jobLog(
    clients,
    where,
    (line) => {
      at = new Date(line.at)
      book.take('out', Buffer.from(`${line.text}\n`))
    },
    (why) => book.note(`its log cannot be read: ${why}`),
  )
  return { book, lines }
}
