import { checkNames } from '../../gateway/names.ts'
import { operation } from '../../gateway/protocols/operation.ts'
import type { Protocol } from '../../gateway/protocols/protocol.ts'
import { invalid } from '../../gateway/rows.ts'
import { textOf } from '../../gateway/text.ts'

const answers = ['text/plain']
const textAnswer = (status: number, body: string) => ({ status, headers: ['content-type', 'text/plain'], body })

/** A protocol that nobody else speaks: a row a line, written like the query of a URL; `temp=20&city=Oslo`. */
export const queryLines: Protocol = {
  name: 'query-lines',
  routes: [
    { path: '/ask/{name}', answers },
    { path: '/ask/{name}/as-of/{version}', answers },
  ],
  read({ body }) {
    const lines = textOf(body)
      .split('\n')
      .filter((line) => line !== '')
    const wrong = lines.findIndex((line) => !line.includes('='))
    if (wrong >= 0) throw invalid('a row has no "="', `line ${wrong + 1}`)
    const records = lines.map((line) => Object.fromEntries(new URLSearchParams(line)))
    const names = [...new Set(records.flatMap(Object.keys))]
    return {
      read({ reader }) {
        const ignored = names.length === 0 ? [] : checkNames(reader.schema, names, 'lines', 'name')
        const cells = records.map((record) => names.map((name) => record[name] ?? ''))
        return { kind: 'rows', ...reader.fromCells(names, cells), ignored }
      },
      write: ({ predictions }) => ({ contentType: 'text/plain', body: [...predictions].join('\n') }),
    }
  },
  error: ({ status, message }) => textAnswer(status, `sorry: ${message}`),
  openApi: (endpoints) =>
    Object.fromEntries(
      endpoints.map(({ name, row }) => [
        `/ask/${name}`,
        {
          post: operation({
            id: `${name}Ask`,
            endpoint: name,
            summary: 'Rows as queries of URLs, a line each',
            request: { type: 'array', items: row },
          }),
        },
      ]),
    ),
  lookups: ({ isReady }) => [
    { method: 'GET', path: '/ask', isOpen: true, answer: () => textAnswer(200, isReady() ? 'ask' : 'wait') },
  ],
}
