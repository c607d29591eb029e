import { type Protocol, protocol } from 'slipway/extend'

/** A row as an HTML form sends it, `income=30000&age=40`, and its prediction as a line of text. */
export const htmlForm: Protocol = {
  name: 'html-form',
  routes: [{ path: '/forms/{name}', answers: ['text/plain'] }],

  read({ body }) {
    const fields = [...new URLSearchParams(body.toString('utf8'))]
    const names = fields.map(([name]) => name)
    return {
      // Cells of a form are read as those of CSV are, and checked by the rules of the model's schema.
      read: ({ reader }) => ({ kind: 'rows', ...reader.fromCells(names, [fields.map(([, cell]) => cell)]) }),
      write: ({ predictions }) => ({ contentType: 'text/plain', body: `${predictions[0]}\n` }),
    }
  },

  error: ({ status, message }) => ({ status, headers: ['content-type', 'text/plain'], body: `${message}\n` }),

  openApi: (endpoints) =>
    Object.fromEntries(
      endpoints.map(({ name, row }) => [
        `/forms/${name}`,
        {
          post: {
            operationId: `${name}Form`,
            summary: 'One row as an HTML form, one number back',
            requestBody: { content: { 'application/x-www-form-urlencoded': { schema: row } } },
            responses: { 200: { description: 'The prediction', content: { 'text/plain': {} } } },
          },
        },
      ]),
    ),
}

export const form = protocol(htmlForm)
