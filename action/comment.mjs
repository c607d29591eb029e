// Writes a plan as a comment on a pull request, or into the one that an earlier plan of the same pipeline wrote.
import { readFileSync } from 'node:fs'

const { SLIPWAY_ACTION_PIPELINE: pipeline, SLIPWAY_ACTION_PLAN: file, SLIPWAY_ACTION_TOKEN: token } = process.env
const { GITHUB_API_URL: api = 'https://api.github.com', GITHUB_REPOSITORY: repository } = process.env
const pullRequest = Number(process.env.SLIPWAY_ACTION_PULL_REQUEST)
/** The most that GitHub takes of a comment, characters. */
const most = 65_536

const mark = `<!-- slipway plan ${pipeline?.replaceAll(/[^\w-]/g, '_')} -->\n`
const page = mark + readFileSync(file, 'utf8')
const body = page.length <= most ? page : `${page.slice(0, page.lastIndexOf('\n', most - 100))}\n\nThis plan is cut.\n`
const comments = `/repos/${repository}/issues/${pullRequest}/comments`
const earlier = await find()
if (earlier === undefined) await ask('POST', comments, { body })
else await ask('PATCH', `/repos/${repository}/issues/comments/${earlier}`, { body })

/** The number of the comment that has our mark. */
async function find() {
  for (let number = 1; ; number++) {
    const found = await ask('GET', `${comments}?per_page=100&page=${number}`)
    const own = found.find((comment) => comment.body?.startsWith(mark))
    if (own !== undefined || found.length < 100) return own?.id
  }
}

async function ask(method, path, content) {
  const answer = await fetch(`${api}${path}`, {
    method,
    headers: { accept: 'application/vnd.github+json', authorization: `Bearer ${token}` },
    ...(content === undefined ? {} : { body: JSON.stringify(content) }),
  })
  if (answer.ok) return answer.json()
  const why = answer.status === 403 ? ': the job needs `permissions: { pull-requests: write }`' : ''
  console.error(
    `::error title=Comment::the plan was not written to the pull request, ${method} says ${answer.status}${why}`,
  )
  process.exit(1)
}
