import { type Protocol, protocol, SlipwayError } from 'slipway/extend'

const textAnswer = (status: number, body: string) => ({ status, headers: ['content-type', 'text/plain'], body })
const invalid = (message: string): SlipwayError => new SlipwayError('REQUEST_INVALID', message)

/** A row a line, written like the query of a URL: `temp=20&city=Oslo`. A prediction a line comes back. */
export const queryLines: Protocol = {
  name: 'query-lines',
  routes: [
    { path: '/ask/{name}', answers: ['text/plain'] },
    { path: '/ask/{name}/as-of/{version}', answers: ['text/plain'] },
  ],
  read({ body }) {
    const lines = textOf(body).split('\n').filter(Boolean)
    if (lines.some((line) => !line.includes('='))) throw invalid('a row has no "="')
    const records = lines.map((line) => Object.fromEntries(new URLSearchParams(line)))
    const names = [...new Set(records.flatMap(Object.keys))]
    return {
      read({ reader }) {
        const ignored = names.filter((each) => !reader.schema.some(({ name }) => name === each))
        if (ignored.length > 0 && ignored.length === names.length)
          throw invalid(
            `the model takes no ${ignored.join(', ')}; it takes ${reader.schema.map(({ name }) => name).join(', ')}`,
          )
        const cells = records.map((record) => names.map((name) => record[name] ?? ''))
        return { kind: 'rows', ...reader.fromCells(names, cells), ignored }
      },
      write: ({ predictions }) => ({ contentType: 'text/plain', body: [...predictions].join('\n') }),
    }
  },
  error: ({ status, message }) => textAnswer(status, `sorry: ${message}`),
  openApi: (endpoints) =>
    Object.fromEntries(
      endpoints.map(({ name, row }) => {
        const post = {
          operationId: `${name}Ask`,
          summary: 'Rows as queries of URLs, a line each',
          requestBody: { required: true, content: { 'text/plain': { schema: { type: 'array', items: row } } } },
          responses: {
            200: { description: 'A prediction a line', content: { 'text/plain': {} } },
            400: { description: 'What is wrong with the rows', content: { 'text/plain': {} } },
          },
        }
        return [`/ask/${name}`, { post }]
      }),
    ),
  lookups: ({ isReady }) => [
    { method: 'GET', path: '/ask', isOpen: true, answer: () => textAnswer(200, isReady() ? 'ask' : 'wait') },
  ],
}

export const queryLinesProtocol = protocol(queryLines)

function textOf(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw invalid('the body is no UTF-8 text')
  }
}
